//! The real binary, started as people start it.

#[cfg(test)]
mod cli;
