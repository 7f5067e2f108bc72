//! Finds the public methods of a structure in the source.

use std::path::{Path, PathBuf};

/// A method of a structure: its own, or one of a trait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Method {
    pub(crate) owner: String,
    pub(crate) of_trait: Option<String>,
    pub(crate) name: String,
    pub(crate) arguments: usize,
    pub(crate) is_unsafe: bool,
}

/// Returns all methods in all files under `dir`.
pub(crate) fn all(dir: &Path) -> Vec<Method> {
    let mut files = Vec::new();
    collect(dir, &mut files);
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).expect("a source file")).collect();
    let room = |file: &PathBuf| {
        file.strip_prefix(dir).ok().and_then(|f| f.components().next()?.as_os_str().to_str().map(str::to_owned))
    };
    let mut methods = Vec::new();
    for (file, text) in files.iter().zip(&texts) {
        // Only of structures that are declared in the same module: names may repeat elsewhere.
        let beside = files.iter().zip(&texts).filter(|(other, _)| room(other) == room(file));
        let beside: Vec<&String> = beside.map(|(_, text)| text).collect();
        let mut found = Vec::new();
        in_file(text, &texts, &mut found);
        found.retain(|m: &Method| beside.iter().any(|text| text.contains(&format!("pub struct {}<", m.owner))));
        methods.extend(found);
    }
    methods
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("a folder of sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

fn in_file(text: &str, texts: &[String], methods: &mut Vec<Method>) {
    let lines: Vec<&str> = text.lines().collect();
    let mut in_macro = "";
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let word = line.trim_start();
        if let Some(rest) = word.strip_prefix("macro_rules! ") {
            in_macro = rest.trim_end_matches([' ', '{']);
        }
        if !(word.starts_with("impl<") || word.starts_with("impl ") || word.starts_with("unsafe impl")) {
            at += 1;
            continue;
        }
        let end = format!("{}}}", " ".repeat(line.len() - word.len()));
        let mut header = String::new();
        while let Some(&line) = lines.get(at) {
            header.push_str(line.trim());
            header.push(' ');
            at += 1;
            if line.ends_with('{') || line.ends_with('}') {
                break;
            }
        }
        let from = at;
        while !header.trim_end().ends_with('}') && lines.get(at).is_some_and(|&line| line != end) {
            at += 1;
        }
        let (of_trait, target) = split(&header);
        if target.contains("<'") {
            continue; // an end, a grant or an iterator: made by a structure only
        }
        let name = target.split('<').next().unwrap_or("").rsplit("::").next().unwrap_or("").trim().to_owned();
        // The structures that a macro is for: what it is called with first.
        let owners = match name.starts_with('$') {
            true => called_with(in_macro, texts),
            false => vec![name],
        };
        for (name, arguments, is_unsafe) in functions(&lines[from..at], of_trait.is_some(), end.len() + 3) {
            for owner in owners.clone() {
                let (name, of_trait) = (name.clone(), of_trait.clone());
                let method = Method { owner, of_trait, name, arguments, is_unsafe };
                if !methods.contains(&method) {
                    methods.push(method);
                }
            }
        }
    }
}

/// The trait, if any, and the type of an `impl`.
fn split(header: &str) -> (Option<String>, String) {
    let rest = header.trim_start_matches("unsafe ").trim_start_matches("impl");
    let rest = rest.strip_prefix('<').map_or(rest, |inner| &inner[until(inner, '>')..]);
    let rest = rest.trim_start_matches('>').trim();
    match rest.split_once(" for ") {
        Some((of_trait, target)) => (Some(of_trait.to_owned()), target.to_owned()),
        None => (None, rest.to_owned()),
    }
}

/// Where the bracket closes whose inside this is.
fn until(text: &str, close: char) -> usize {
    let (mut depth, mut before) = (0, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '>' if before == '-' => {}
            c if depth == 0 && c == close => return at,
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    text.len()
}

fn called_with(name: &str, texts: &[String]) -> Vec<String> {
    let start = format!("{name}!(");
    let calls = texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix(start.as_str()));
    calls.map(|rest| rest.split([',', ')']).next().unwrap_or("").to_owned()).collect()
}

fn functions(lines: &[&str], of_trait: bool, indent: usize) -> Vec<(String, usize, bool)> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let word = line.trim_start();
        let is_public = if of_trait { line.len() - word.len() == indent } else { word.starts_with("pub ") };
        let before = word.split("fn ").next().unwrap_or("");
        let qualifiers = before.split_whitespace().all(|w| ["pub", "const", "unsafe"].contains(&w));
        let Some((_, rest)) = word.split_once("fn ").filter(|_| is_public && qualifiers) else { continue };
        let name = rest.split(['(', '<']).next().unwrap_or("").to_owned();
        let mut text = rest[name.len()..].to_owned();
        lines[at + 1..].iter().take(12).for_each(|more| text.push_str(more.trim()));
        let generics = text.strip_prefix('<').map_or(0, |inner| 2 + until(inner, '>'));
        let arguments = &text[generics + 1..];
        let mut arguments = &arguments[..until(arguments, ')')];
        let mut count = 0;
        while !arguments.trim().is_empty() {
            count += 1;
            let end = until(arguments, ',');
            arguments = arguments.get(end + 1..).unwrap_or("");
        }
        found.push((name, count, before.contains("unsafe")));
    }
    found
}
