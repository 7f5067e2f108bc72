//! The text format against plain models of it.

mod nasty;
mod oracle;
mod reading;
mod records;
mod writing;
