//! Bodies of the fuzz targets. Not for use.

pub use crate::config::fuzz as config;
