//! The outcome of a request to the operating system.

/// The outcome of an optional setting: a machine may lack it or forbid it, and the program
/// continues either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The system applied the setting.
    Applied,
    /// The system refused; the number is its `errno`.
    Refused(i32),
    /// This machine or kernel does not have the setting.
    Unsupported,
}

impl Outcome {
    /// Converts the return code of a call that returns 0 on success and sets `errno` otherwise.
    #[must_use]
    pub(crate) fn from_return_code(code: i32) -> Self {
        if code == 0 { Self::Applied } else { Self::Refused(last_errno()) }
    }

    /// Returns whether the setting was applied.
    #[must_use]
    pub const fn is_applied(self) -> bool {
        matches!(self, Self::Applied)
    }
}

impl core::fmt::Display for Outcome {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Applied => f.write_str("applied"),
            Self::Refused(errno) => write!(f, "refused (errno {errno})"),
            Self::Unsupported => f.write_str("unsupported"),
        }
    }
}

/// Returns the calling thread's `errno`.
#[must_use]
pub fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
