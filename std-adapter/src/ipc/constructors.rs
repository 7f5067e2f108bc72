//! Constructors that all kinds of channels share.

/// Defines the constructors of a channel whose only field is `region: Arc<Region<_>>`.
macro_rules! constructors {
    () => {
        /// Creates a channel in [`RegionDir::standard`]. It exists until it is removed.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn create(name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Self::create_in(&RegionDir::standard()?, name, options)
        }

        /// Creates a channel in `dir`.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn create_in(dir: &RegionDir, name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::create_in(dir, name, options, |_| ())?) })
        }

        /// Opens a channel in [`RegionDir::standard`].
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn open(name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Self::open_in(&RegionDir::standard()?, name, options)
        }

        /// Opens a channel in `dir`.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn open_in(dir: &RegionDir, name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::open_in(dir, name, options)?) })
        }

        /// Creates a channel without a name.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn anonymous(options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::anonymous(options)?) })
        }

        /// Opens the channel of a descriptor received from another process. Without `/proc` this
        /// process then cannot detect dead owners
        /// ([`SharedRegion::sees_deaths`](crate::memory::region::SharedRegion::sees_deaths)).
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn from_fd(file: OwnedFd, options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::from_fd(file, options)?) })
        }

        /// Returns a descriptor for another process.
        ///
        /// # Errors
        /// The system's error if no descriptor is left.
        pub fn fd(&self) -> std::io::Result<OwnedFd> {
            self.region.region().fd_for_another()
        }

        /// Returns the region of the channel.
        #[must_use]
        pub fn region(&self) -> &crate::memory::region::SharedRegion {
            self.region.region()
        }
    };
}
pub(super) use constructors;
