//! The ways to make a channel or to come to one that is there; the same for all kinds.

/// For a channel whose only field is `region: Arc<Region<_>>`.
macro_rules! constructors {
    () => {
        /// Makes one in [`RegionDir::standard`]. It stays until it is removed.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn create(name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Self::create_in(&RegionDir::standard()?, name, options)
        }

        /// Makes one in `dir`.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn create_in(dir: &RegionDir, name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::create_in(dir, name, options, |_| ())?) })
        }

        /// Opens one in [`RegionDir::standard`].
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn open(name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Self::open_in(&RegionDir::standard()?, name, options)
        }

        /// Opens one in `dir`.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn open_in(dir: &RegionDir, name: &str, options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::open_in(dir, name, options)?) })
        }

        /// Makes one without a name.
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn anonymous(options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::anonymous(options)?) })
        }

        /// Opens the one behind a descriptor that came from another process. Where `/proc` is not
        /// there, this process then cannot tell the dead
        /// ([`SharedRegion::sees_deaths`](crate::memory::region::SharedRegion::sees_deaths)).
        ///
        /// # Errors
        /// [`RegionError`]
        pub fn from_fd(file: OwnedFd, options: &RegionOptions) -> Result<Self, RegionError> {
            Ok(Self { region: Arc::new(Region::from_fd(file, options)?) })
        }

        /// A descriptor for another process.
        ///
        /// # Errors
        /// What the system says when there are no more descriptors.
        pub fn fd(&self) -> std::io::Result<OwnedFd> {
            self.region.region().fd_for_another()
        }

        /// The region it lies in.
        #[must_use]
        pub fn region(&self) -> &crate::memory::region::SharedRegion {
            self.region.region()
        }
    };
}
pub(super) use constructors;
