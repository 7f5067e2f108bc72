//! Macros that define messages and codes, from rows as in the tables of the specification.

/// Defines messages from rows of `field with_field: Type = offset`. Size and every offset are
/// checked by the compiler.
macro_rules! messages {
    ($(
        $(#[$doc:meta])*
        $name:ident = $kind:literal, $size:literal bytes {
            $($(#[$field_doc:meta])* $field:ident $with:ident: $value:ty = $offset:literal,)*
        }
    )+) => {$(
        $(#[$doc])*
        ///
        #[doc = concat!("Type `", stringify!($kind), "`, ", stringify!($size), " bytes.")]
        #[derive(
            Clone, Copy, PartialEq, Eq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout, zerocopy::Unaligned,
        )]
        #[repr(C)]
        pub struct $name {
            head: super::Head,
            $($field: <$value as crate::wire::field::Field>::Wire,)*
        }

        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(core::mem::offset_of!($name, $field) == $offset);)*
        };

        impl $name {
            /// The message's type code.
            pub const TYPE: u8 = $kind;
            /// The message's length in bytes.
            pub const SIZE: usize = $size;

            /// Creates a message with this stamp; all other fields are zero bytes until they are
            /// set.
            #[must_use]
            pub fn new(stamp: super::Stamp) -> Self {
                let mut message: Self = zerocopy::FromZeros::new_zeroed();
                message.head = super::Head::new($kind, stamp);
                message
            }

            /// Returns the same message, each field read and written again.
            #[cfg(all(test, not(broken)))]
            pub(super) fn again(&self) -> Self {
                Self::new(self.head.stamp())$(.$with(self.$field()))*
            }

            /// Returns the head, with which every message starts.
            #[must_use]
            #[inline(always)]
            pub const fn head(&self) -> &super::Head {
                &self.head
            }

            $(
                $(#[$field_doc])*
                #[must_use]
                #[inline(always)]
                pub fn $field(&self) -> $value {
                    crate::wire::field::Field::from_wire(self.$field)
                }

                #[doc = concat!("The message with another [`", stringify!($name), "::", stringify!($field), "`].")]
                #[must_use]
                #[inline]
                pub fn $with(mut self, value: $value) -> Self {
                    self.$field = crate::wire::field::Field::to_wire(value);
                    self
                }
            )*
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("head", &self.head)
                    $(.field(stringify!($field), &self.$field()))*
                    .finish()
            }
        }
    )+};
}

/// Defines the codes of a field of one byte. A byte that the format does not list is `Other`, so
/// that bytes survive decoding and encoding.
macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($code:ident = $byte:literal $code_doc:literal,)+ }
    )+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $name {
            $(#[doc = $code_doc] $code,)+
            /// A byte that the format does not list.
            Other(u8),
        }

        impl $name {
            /// Decodes a byte.
            #[must_use]
            #[inline(always)]
            pub const fn from_byte(byte: u8) -> Self {
                match byte {
                    $($byte => Self::$code,)+
                    other => Self::Other(other),
                }
            }

            /// Encodes the byte.
            #[must_use]
            #[inline(always)]
            pub const fn byte(self) -> u8 {
                match self {
                    $(Self::$code => $byte,)+
                    Self::Other(byte) => byte,
                }
            }
        }

        impl crate::wire::field::Field for $name {
            type Wire = u8;

            #[inline(always)]
            fn from_wire(wire: u8) -> Self {
                Self::from_byte(wire)
            }

            #[inline(always)]
            fn to_wire(self) -> u8 {
                self.byte()
            }
        }
    )+};
}

pub(super) use {codes, messages};
