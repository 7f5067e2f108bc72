//! What became of a request to the operating system.

/// The answer to "please set this": a machine may lack it, or forbid it, and the program goes on either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Done.
    Applied,
    /// The system said no; the number is its `errno`.
    Refused(i32),
    /// This machine has nothing of the kind.
    Unsupported,
}

impl Outcome {
    /// The answer of a call that gives 0 on success and sets `errno` otherwise.
    #[must_use]
    pub(crate) fn from_return_code(code: i32) -> Self {
        if code == 0 { Self::Applied } else { Self::Refused(last_errno()) }
    }

    /// Whether it was done.
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

/// The calling thread's `errno`.
#[must_use]
pub fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
