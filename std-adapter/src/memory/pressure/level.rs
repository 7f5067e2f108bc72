//! Pressure levels with hysteresis.

/// A level of memory pressure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum PressureLevel {
    /// No pressure.
    #[default]
    Normal = 0,
    /// Free what is dispensable.
    Elevated = 1,
    /// Stalls are imminent or present: accept no new work.
    Critical = 2,
}

impl PressureLevel {
    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Normal,
            1 => Self::Elevated,
            _ => Self::Critical,
        }
    }

    /// Returns the level as one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::Critical => "critical",
        }
    }
}

impl core::fmt::Display for PressureLevel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.word())
    }
}

/// The values from which on a measurement counts as elevated and as critical, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The least elevated value.
    pub elevated: u64,
    /// The least critical value; effectively never below `elevated`.
    pub critical: u64,
}

impl Threshold {
    /// A threshold that is never reached.
    pub const OFF: Self = Self { elevated: u64::MAX, critical: u64::MAX };

    /// Returns the level of a value. A threshold of `u64::MAX` is never reached.
    pub(super) const fn level(self, value: u64) -> PressureLevel {
        if value >= self.critical && self.critical != u64::MAX {
            PressureLevel::Critical
        } else if value >= self.elevated && self.elevated != u64::MAX {
            PressureLevel::Elevated
        } else {
            PressureLevel::Normal
        }
    }

    /// Returns the level that a value sustains once it was reached: on the way down thresholds are
    /// a fifth lower.
    pub(super) const fn sustains(self, value: u64) -> PressureLevel {
        const fn lower(n: u64) -> u64 {
            if n == u64::MAX { n } else { n - n / 5 }
        }
        Self { elevated: lower(self.elevated), critical: lower(self.critical) }.level(value)
    }
}

/// The level over time: it rises immediately, and falls only after a number of consecutive samples
/// that do not sustain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hysteresis {
    level: PressureLevel,
    /// Consecutive samples that sustain less than the level.
    calm: u32,
    /// The highest level that these samples sustain.
    kept: PressureLevel,
    calm_samples: u32,
}

impl Hysteresis {
    /// Starts at normal; falls after `calm_samples` samples (0 counts as 1).
    #[must_use]
    pub const fn new(calm_samples: u32) -> Self {
        let calm_samples = if calm_samples == 0 { 1 } else { calm_samples };
        Self { level: PressureLevel::Normal, calm: 0, kept: PressureLevel::Normal, calm_samples }
    }

    /// Returns the current level.
    #[must_use]
    pub const fn level(&self) -> PressureLevel {
        self.level
    }

    /// Adds a sample: the level that it calls for, and the level that it sustains. Returns the new
    /// level if it changed.
    pub fn step(&mut self, calls_for: PressureLevel, sustains: PressureLevel) -> Option<PressureLevel> {
        let sustains = sustains.max(calls_for);
        if calls_for > self.level {
            self.calm = 0;
            self.level = calls_for;
            return Some(calls_for);
        }
        if sustains >= self.level {
            self.calm = 0;
            return None;
        }
        self.kept = if self.calm == 0 { sustains } else { self.kept.max(sustains) };
        self.calm += 1;
        if self.calm < self.calm_samples {
            return None;
        }
        self.calm = 0;
        self.level = self.kept;
        Some(self.level)
    }
}

#[cfg(test)]
mod tests {
    use super::PressureLevel::{Critical, Elevated, Normal};
    use super::*;
    use proptest::prelude::*;

    /// The reference model, from the whole history: the level that the last `calm` samples since
    /// the last change sustain.
    fn model(history: &[(PressureLevel, PressureLevel)], calm: usize) -> Vec<PressureLevel> {
        let (mut level, mut since, mut levels) = (Normal, 0, Vec::new());
        for (i, &(calls, _)) in history.iter().enumerate() {
            let kept = |&(calls, sustains): &(PressureLevel, PressureLevel)| calls.max(sustains);
            let start = (i + 1).saturating_sub(calm).max(since);
            let most = history[start..=i].iter().map(kept).max().unwrap_or(Normal);
            if calls > level {
                (level, since) = (calls, i + 1);
            } else if i + 1 - start == calm && most < level {
                (level, since) = (most, i + 1);
            }
            levels.push(level);
        }
        levels
    }

    fn any_level() -> impl Strategy<Value = PressureLevel> {
        prop_oneof![Just(Normal), Just(Elevated), Just(Critical)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn level_rises_immediately_and_falls_after_calm_samples(
            history in prop::collection::vec((any_level(), any_level()), 0..60), calm in 1_u32..6,
        ) {
            let mut state = Hysteresis::new(calm);
            let mut seen = Vec::new();
            for &(calls, sustains) in &history {
                let before = state.level();
                let change = state.step(calls, sustains);
                prop_assert_eq!(change.is_some(), state.level() != before);
                prop_assert!(state.level() >= calls);
                seen.push(state.level());
            }
            prop_assert_eq!(seen, model(&history, calm as usize));
        }

        #[test]
        fn constant_value_changes_the_level_at_most_once(value in 0_u64..200, calm in 0_u32..5, from in any_level()) {
            let t = Threshold { elevated: 50, critical: 100 };
            let mut state = Hysteresis::new(calm);
            state.step(from, from);
            let changes = (0..40).filter(|_| state.step(t.level(value), t.sustains(value)).is_some()).count();
            prop_assert!(changes <= 1);
            prop_assert!(state.level() == t.level(value) || state.level() == t.sustains(value));
        }

        #[test]
        fn noise_around_a_threshold_does_not_make_the_level_flap(
            noise in prop::collection::vec(95_u64..106, 2..80), calm in 1_u32..4,
        ) {
            let t = Threshold { elevated: 50, critical: 100 };
            let mut state = Hysteresis::new(calm);
            let changes = noise.iter().filter(|&&v| state.step(t.level(v), t.sustains(v)).is_some()).count();
            prop_assert!(changes <= 2);
        }
    }

    #[test]
    fn disabled_thresholds_are_never_reached() {
        assert_eq!((Threshold::OFF.level(u64::MAX), Threshold::OFF.sustains(u64::MAX)), (Normal, Normal));
        let t = Threshold { elevated: 0, critical: u64::MAX };
        assert_eq!(t.level(0), Elevated);
    }
}
