//! A filter (seccomp) under which chosen system calls of one thread, and of the threads that it
//! starts, fail with an error. It needs no privileges and ends with the thread.

/// A refusal: a system call whose arguments have these values (their lower halves) fails with this
/// `errno`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refuse<'a> {
    pub(crate) call: libc::c_long,
    pub(crate) arguments: &'a [(u32, u32)],
    pub(crate) errno: i32,
}

impl Refuse<'_> {
    /// Refuses the call with any arguments.
    pub(crate) const fn all(call: libc::c_long, errno: i32) -> Self {
        Self { call, arguments: &[], errno }
    }
}

/// Runs `act` on a thread to which the kernel refuses these calls. Returns `None`, with a message,
/// if no filter can be installed.
pub(crate) fn under<R: Send>(rules: &[Refuse<'_>], act: impl FnOnce() -> R + Send) -> Option<R> {
    let program = program(rules);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| install(&program).then(act));
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn program(rules: &[Refuse<'_>]) -> Vec<libc::sock_filter> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const SAME: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let line = |code: u32, jf: usize, k: u32| libc::sock_filter {
        code: u16::try_from(code).expect("a code"),
        jt: 0,
        jf: u8::try_from(jf).expect("a short jump"),
        k,
    };
    let mut all = Vec::new();
    for rule in rules {
        let call = u32::try_from(rule.call).expect("a number of a call");
        let half = if cfg!(target_endian = "big") { 4 } else { 0 };
        // The call's number is the first word of the filter's input; the arguments begin at byte
        // 16.
        let tests: Vec<(u32, u32)> = [(0, call)]
            .into_iter()
            .chain(rule.arguments.iter().map(|&(at, value)| (16 + 8 * at + half, value)))
            .collect();
        for (i, &(at, value)) in tests.iter().enumerate() {
            all.push(line(LOAD, 0, at));
            // Jumps over the rest of this rule.
            all.push(line(SAME, 2 * (tests.len() - 1 - i) + 1, value));
        }
        all.push(line(RETURN, 0, libc::SECCOMP_RET_ERRNO | u32::try_from(rule.errno).expect("an errno")));
    }
    all.push(line(RETURN, 0, libc::SECCOMP_RET_ALLOW));
    all
}

fn install(lines: &[libc::sock_filter]) -> bool {
    let program = libc::sock_fprog {
        len: u16::try_from(lines.len()).expect("a short program"),
        filter: lines.as_ptr().cast_mut(),
    };
    let (yes, no): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: sets a flag of this thread; takes no pointer.
    let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, yes, no, no, no) } == 0;
    let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
    // SAFETY: the program outlives the call, which copies it.
    let done = allowed && unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) } == 0;
    if !done {
        eprintln!("SKIPPED: no filter of system calls here: {}", std::io::Error::last_os_error());
    }
    done
}
