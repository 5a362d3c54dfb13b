//! What both test programs, `tests/it` and `tests/cluster`, use.

pub mod archive;
pub mod golden;
pub mod random;
pub mod table;
pub mod tls;
