//! The program as it is called, where no engine is needed.

mod definitions;
mod engine;
mod interrupt;
mod quickstart;
mod sudo;
mod usage;
