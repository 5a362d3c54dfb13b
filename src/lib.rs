//! skiff: local Kubernetes clusters in containers.
//!
//! From the middle outwards; a module uses only what stands above it here, and
//! `tests/layers.rs` keeps it so.
//!
//! **Words** — [`cluster`] is what everybody talks about; [`version`], [`yaml`],
//! [`toml`] and [`progress`] are small tools.
//!
//! **Deciding, without effects** — [`patch`] changes documents, [`config`]
//! reads definitions, [`kubeadm`] renders what kubeadm is told,
//! [`kubeconfig`] merges what kubectl reads, [`image`] reads image names and
//! archives and says what a node still needs of an image.
//!
//! **The engine** — [`engine`] is the seam to Docker (and to a fake one in
//! tests); [`context`] is one cancellable piece of work on it.
//!
//! **Parts of the way to a cluster** — [`inventory`] finds clusters by their
//! labels, [`plan`] turns a definition into containers, [`provision`] runs
//! them, [`bootstrap`] has kubeadm make them a cluster, [`readiness`] says when
//! it is usable, [`node_image`] builds images in the [`builder`], [`images`] chooses one.
//!
//! **Whole operations** — [`create`], [`dry_run`], [`load`], [`logs`], [`addon`].
//!
//! **The human** — [`cli`] understands commands, [`report`] shows progress,
//! [`diagnose`] turns errors into cause, hint and exit code, [`signal`] hears
//! Ctrl-C.

pub mod addon;
pub mod admin_kubeconfig;
pub mod bootstrap;
pub mod builder;
pub mod cache;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod context;
pub mod create;
pub mod delete;
pub mod diagnose;
pub mod dry_run;
pub mod engine;
pub mod image;
pub mod inventory;
pub mod kubeadm;
pub mod kubeconfig;
pub mod kubectl;
pub mod labels;
pub mod load;
pub mod logs;
pub mod node;
pub mod node_image;
pub mod patch;
pub mod plan;
pub mod progress;
pub mod provision;
pub mod pull;
pub mod readiness;
pub mod report;
pub mod settle;
pub mod signal;
pub mod text;
pub mod toml;
pub mod version;
pub mod yaml;
