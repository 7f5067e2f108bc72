//! A copy of `/proc` and `/sys` in a directory, created from one text file: `== PATH`, followed by
//! the contents.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use vvp_std_adapter::os::System;

/// A directory of its own, removed when dropped.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(crate) fn empty() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: only the number itself matters.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tree-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&root).expect("a folder");
        Self { root }
    }

    /// Creates the tree of `std-adapter/tests/fixtures/NAME.tree`.
    pub(crate) fn of(name: &str) -> Self {
        let tree = Self::empty();
        for (path, text) in files(name) {
            tree.write(&path, text.as_bytes());
        }
        tree
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.root.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        // Atomically: a reader sees either the old file or the new one.
        let new = file.with_extension("new");
        std::fs::write(&new, bytes).expect("a file");
        std::fs::rename(new, file).expect("a file");
    }

    pub(crate) fn root(&self) -> &str {
        self.root.to_str().expect("UTF-8")
    }

    pub(crate) fn system(&self) -> System {
        System::at(&self.root)
    }
}

/// Returns the files of a fixture.
pub(crate) fn files(name: &str) -> Vec<(String, String)> {
    let file = format!("{}/../std-adapter/tests/fixtures/{name}.tree", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).expect("the fixture");
    let parts = text.split("\n== ").skip(1);
    parts.map(|part| part.split_once('\n').expect("a path")).map(|(p, t)| (p.to_owned(), format!("{t}\n"))).collect()
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}
