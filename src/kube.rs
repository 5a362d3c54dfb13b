//! Kubernetes, through the kubectl of a control-plane.
//!
//! [`KubeClient`] reads and changes objects. [`condition`] says what an object
//! lacks for a condition to hold, without asking anything; callers repeat that
//! with [`Context::poll_until`](crate::context::Context::poll_until). kubectl
//! runs in the node, so this works with remote engines and needs no second TLS
//! client.

mod client;
pub(crate) mod condition;
mod custom_kind;
pub(crate) mod nodes;
pub(crate) mod object;

pub(crate) use client::{KubeClient, Selector};
pub(crate) use custom_kind::CustomKind;
pub(crate) use object::ObjectId;
