//! Builds the crates once more, in plain flags, and compiles small programs against them: the
//! checks are made when code is generated, so nothing less than a build shows them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates that the programs are compiled against.
pub(crate) struct Crates {
    dir: PathBuf,
    dependencies: PathBuf,
    externs: Vec<(String, String)>,
}

impl Crates {
    /// Builds the core and the adapter, which two tests use: the later one finds them built.
    /// Offline and with the locked versions, which the build of the test has brought here. Flags of
    /// the environment (sanitizers) are left out: what is legal does not depend on them.
    ///
    /// `name` is a folder below `tmp`, the target folder's for tests.
    pub(crate) fn build(tmp: &Path, name: &str, names: &[&str]) -> Self {
        let (dir, crates) = (tmp.join(name), tmp.join("crates"));
        std::fs::create_dir_all(&dir).expect("a folder for the programs");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--lib", "--offline", "--locked"]);
        cargo.args(["-p", "vvp-core", "-p", "vvp-std-adapter", "--features", "vvp-core/async"]);
        cargo.args(["--message-format=json", "--target-dir"]).arg(&crates);
        for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"] {
            cargo.env_remove(flags);
        }
        let output = cargo.env("CARGO_PROFILE_DEV_DEBUG", "none").output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).expect("JSON is UTF-8");
        // The last artifact of each name: those of build scripts come before.
        let rlib = |name: &str| {
            let start = format!("lib{name}-");
            let ends = |file: &&str| {
                file.ends_with(".rlib")
                    && file.rsplit('/').next().is_some_and(|f| f.starts_with(&start) || f == format!("lib{name}.rlib"))
            };
            messages.split('"').rfind(ends).map(|path| (name.to_owned(), path.to_owned())).expect(name)
        };
        let externs = names.iter().map(|name| rlib(name)).collect();
        Self { dir, dependencies: crates.join("debug/deps"), externs }
    }

    /// Compiles a library with this source.
    ///
    /// # Errors
    /// The compiler's output, if it refuses it.
    pub(crate) fn compile(&self, name: &str, source: &str) -> Result<(), String> {
        let file = self.dir.join(format!("{name}.rs"));
        std::fs::write(&file, source).expect("a file");
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args([
            "--edition=2024",
            "--crate-type=lib",
            "--emit=obj",
            "--cap-lints=allow",
            "--color=never",
            "--diagnostic-width=1000",
        ]);
        rustc.arg("--out-dir").arg(&self.dir);
        rustc.arg("-L").arg(format!("dependency={}", self.dependencies.display()));
        for (name, path) in &self.externs {
            rustc.arg("--extern").arg(format!("{name}={path}"));
        }
        let output = rustc.env_remove("RUSTFLAGS").arg(&file).output().expect("rustc runs");
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }
}

/// Returns the cases that were not refused as expected: by an error of their own with both the
/// message and the type.
pub(crate) fn not_refused<'c>(said: &str, cases: &'c [Case]) -> Vec<&'c Case> {
    let errors: Vec<&str> = said.split("error[E0080]").collect();
    let is_refused = |case: &Case| errors.iter().any(|e| e.contains(&case.message) && e.contains(&case.named));
    cases.iter().filter(|case| !is_refused(case)).collect()
}

/// One piece of code that must not compile, and the expected error.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) code: String,
    /// The type that the error names, which no other case has.
    pub(crate) named: String,
    pub(crate) message: String,
}
