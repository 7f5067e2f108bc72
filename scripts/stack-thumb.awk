# The deepest stack of a Thumb image. Input: the output of `llvm-readelf --stack-sizes`, then that of `llvm-objdump -d`.
# Output: the bytes of the main loop, of the handler of all interrupts, and of both.
#
# What a function takes is what the compiler says (-Zemit-stack-sizes); where it says nothing
# (assembly, the library that came compiled), what the function pushes and reserves. A call through
# a pointer may lead to any function that is not called by name, but not back to one that is running
# already. One that calls itself by name has no bound, and fails.

/^ *[0-9]+ +[^ ]/ && !disassembly {
  bytes = $1
  sub(/^ *[0-9]+ +/, "")
  k = split($0, list, /, */)
  for (i = 1; i <= k; i++) { size[list[i]] = bytes; alias[list[i]] = list[1]; group[list[1]] = $0 }
  next
}
/^Disassembly/ { disassembly = 1; next }
!disassembly { next }
# A symbol; `$d` and its like only tell code from data.
/^[0-9a-f]+ <.*>:$/ {
  symbol = $2
  gsub(/[<>:]/, "", symbol)
  if (symbol ~ /^\$/) { data = symbol ~ /^\$d/; next }
  data = 0
  at = hex($1)
  if (!(at in start_of)) { n++; start[n] = at; start_of[at] = n }
  named[symbol] = n
  # The disassembly shows one name of a function, which may have several.
  if (symbol in alias) { k = split(group[alias[symbol]], list, /, */); for (i = 1; i <= k; i++) named[list[i]] = n }
  if (symbol in size) said[n] = size[symbol]
  name[n] = symbol
  next
}
n == 0 || data { next }
$2 ~ /^v?push/ { own[n] += ($2 ~ /^v/ ? 8 : 4) * registers($0) }
$2 ~ /^sub/ && $3 == "sp," { v = $4 == "sp," ? $5 : $4; sub(/^#/, "", v); own[n] += v ~ /^0x/ ? hex(v) : v }
$2 ~ /^stmdb/ && $3 == "sp!," { own[n] += 4 * registers($0) }
$2 ~ /^blx?(\.w)?$/ && $3 !~ /^0x/ || $2 == "bx" && $3 != "lr" { pointers[n] = 1 }
# What fills up behind a function, 0xd4d4, reads as a branch by 84 back.
$2 == "bmi" && hex($1) - hex($3) == 84 { next }
$2 ~ /^b/ && $3 ~ /^0x/ { m++; from[m] = n; to[m] = hex($3); link[m] = $2 ~ /^bl(\.w|x)?$/ }

# One for each name, several for a range.
function registers(line,   list, i, k, ends, count) {
  sub(/.*[{]/, "", line); sub(/[}].*/, "", line)
  k = split(line, list, /, */)
  for (i = 1; i <= k; i++)
    if (split(list[i], ends, "-") == 2) { gsub(/[a-z]/, "", ends[1]); gsub(/[a-z]/, "", ends[2]); count += ends[2] - ends[1] + 1 }
    else count++
  return count
}
function hex(v,   i, x) {
  sub(/^0x/, "", v)
  for (i = 1; i <= length(v); i++) { d = index("0123456789abcdef", substr(v, i, 1)); if (d == 0) break; x = 16 * x + d - 1 }
  return x
}
# The function that an address belongs to: functions come in the order of their addresses.
function owner(address,   low, high, middle) {
  low = 1; high = n
  while (low < high) {
    middle = int((low + high + 1) / 2)
    if (start[middle] <= address) low = middle; else high = middle - 1
  }
  return low
}
# Bytes from this function down. What goes through a pointer depends on who is running, and is not kept.
function depth(f,   i, k, list, d, most, was) {
  if (f in known) return known[f]
  if (busy[f]) {
    through = 1
    if (busy[f] == 1 + jumps) { print name[f] " calls itself: its stack has no bound" > "/dev/stderr"; bad = 1 }
    return 0
  }
  busy[f] = 1 + jumps
  was = through; through = 0
  k = split(calls[f], list, " ")
  for (i = 1; i <= k; i++) { d = depth(list[i]); if (d > most) most = d }
  if (pointers[f]) {
    through = 1
    jumps++
    for (i = 1; i <= candidates; i++) { d = depth(candidate[i]); if (d > most) most = d }
    jumps--
  }
  busy[f] = 0
  d = (f in said ? said[f] : own[f] + 0) + most
  if (!through) known[f] = d
  through = through || was
  return d
}
END {
  for (i = 1; i <= m; i++) {
    target = owner(to[i])
    if (target != from[i] || link[i]) {
      if (!((from[i], target) in seen)) calls[from[i]] = calls[from[i]] " " target
      seen[from[i], target] = 1
      called[target] = 1
    }
  }
  # What the processor calls by itself is no candidate.
  split("Reset __stext __pre_init DefaultPreInit DefaultHandler HardFault HardFaultTrampoline main", list, " ")
  for (i in list) if (list[i] in named) entry[named[list[i]]] = 1
  for (i = 1; i <= n; i++) if (!(i in called) && !(i in entry)) candidate[++candidates] = i
  main = depth(named["main"]); handler = depth(named["DefaultHandler"])
  if (bad || main == 0) exit 1
  # The processor puts 104 bytes there for an interrupt, floating-point registers included, and may align them by 4.
  # Handlers do not interrupt each other here.
  if (show) for (i = 1; i <= candidates; i++) print "may be called through a pointer: " name[candidate[i]] > "/dev/stderr"
  print main, handler, main + handler + 108
}
