//! The program as it is called, where no engine is needed.

mod definitions;
mod engine;
mod interrupt;
mod kubectl;
mod quickstart;
mod secrets;
mod sudo;
mod usage;
