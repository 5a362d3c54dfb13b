//! The program as it is called, where no engine is needed.

#[path = "cli/definitions.rs"]
mod definitions;
#[path = "cli/engine.rs"]
mod engine;
#[path = "cli/harness.rs"]
mod harness;
#[path = "cli/table.rs"]
mod table;
#[path = "support/tls.rs"]
mod tls;
#[path = "cli/usage.rs"]
mod usage;
