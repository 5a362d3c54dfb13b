//! The container engine. It knows nothing about Kubernetes.
//!
//! [`Engine`] is the interface. [`docker`] implements it for Docker, and a fake
//! engine for tests implements it with faults that tests choose.

mod client_config;
mod credentials;
pub mod docker;
pub mod endpoint;
#[cfg(any(test, feature = "fake-engine"))]
pub mod fake;

mod api;
mod error;
mod spec;
mod state;

pub use api::{ByteStream, Command, Engine, ExecEvent, ExecOutput};
pub use error::{EngineError, Result};
pub use spec::{BindMount, ContainerSpec, NetworkSpec, Publish, Restart};
pub use state::{
    CgroupControllers, Container, ContainerState, Host, Image, Network, Product, PullEvent,
    RunStatus, Storage,
};
