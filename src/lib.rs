//! skiff: local Kubernetes clusters in containers.
//!
//! # Map
//!
//! From the bottom up. A module uses only modules named before it, and
//! `tests/it/layers.rs` keeps it so.
//!
//! **Words and small tools** — [`labels`] has every label of containers, images
//! and objects. [`text`], [`duration`], [`environment`], [`secret`], [`platform`], [`sudo`],
//! [`files`], [`cache`], [`version`], [`yaml`], [`toml`] and [`progress`] are small tools.
//! [`check`] is the outcome of a check, [`cluster`] the model of a cluster.
//!
//! **Deciding, without effects** — [`patch`] changes documents. [`config`] reads
//! definitions. [`kubeadm`] renders what kubeadm reads. [`kubeconfig`] merges
//! what kubectl reads. [`image`] reads image names and archives, and decides what
//! a node still needs of an image.
//!
//! **The engine, and nodes** — [`engine`] is the seam to Docker, and to a fake
//! engine in tests. [`context`] is what operations are carried out with. [`node`]
//! runs commands in nodes. [`inventory`] finds the clusters that exist. [`kube`]
//! talks to their API servers.
//!
//! **Parts of the way to a cluster** — [`pull`] gets images into the engine,
//! [`image_file`] reads a file out of one, [`builder`] builds them. [`plan`] turns a
//! definition into containers. [`node_image`] chooses and builds node images.
//! [`settle`] decides all that a plan depends on. [`provision`] runs the containers,
//! [`bootstrap`] has kubeadm turn them into a cluster, [`preflight`] finds before all
//! that what would stop it, [`components`] notices what cannot come up meanwhile,
//! [`component_config`] checks before what they are told, [`pods`] says why pods are not
//! ready, [`readiness`] decides when a cluster is usable.
//!
//! **Operations** — [`admin_kubeconfig`], [`delete`], [`create`],
//! [`lifecycle`], [`dry_run`], [`load`], [`logs`], [`kubectl`], [`addon`], [`health`],
//! [`status`], [`sbom`].
//!
//! **The human** — [`diagnose`] turns errors into cause, hint and exit code.
//! [`report`] shows progress, to people and to programs. [`signal`] receives Ctrl-C. [`cli`] reads command
//! lines, prints results, and has kind's manners in `cli/kind`.
//!
//! # Words
//!
//! | word | what it means here |
//! | --- | --- |
//! | add-on | what can be installed in a cluster that runs, such as ingress-nginx |
//! | API balancer | the container in front of several API servers |
//! | archive | a tar file of images: of `docker save`, or an OCI layout |
//! | bootstrap | what kubeadm does on nodes: init, join |
//! | builder | the throw-away container that images are built in |
//! | check | one question about the engine, its host or a cluster, and its answer: [`check::Check`] |
//! | cluster, definition | [`cluster::Cluster`]: what a file in kind's format asks for |
//! | component | a program that a node consists of: kubelet, containerd, etcd, kube-proxy … |
//! | context | [`context::Context`]; a kubeconfig context or docker context is called by that name |
//! | control-plane, worker | the roles of nodes |
//! | crash | a component that cannot come up: [`components::Crash`] |
//! | creation | one run of `create cluster`; its random ID is a label of its containers |
//! | digest | SHA-256 of a blob, as in `sha256:…` |
//! | engine | Docker, or what answers its API; containerd in nodes is never called so |
//! | event | what happens in an operation: [`progress::Event`]; a line of `--progress json` |
//! | existing cluster | [`inventory::ExistingCluster`]: a cluster as the engine's labels describe it |
//! | host | the machine that the engine runs on |
//! | lifecycle | what happens to a cluster that exists: stop, start, pause, unpause |
//! | load | to copy images from the engine or an archive into nodes |
//! | node | a container that is a Kubernetes node; [`node::NodeHandle`] runs commands in it |
//! | node image | the image that nodes are made from, such as `kindest/node` |
//! | operation | everything that one command does: create, delete, load … |
//! | plan | [`plan::Plan`]: a definition as containers, before they exist |
//! | port mapping | a port of the host that leads to a port of a node |
//! | preflight | the checks before anything is made: [`preflight::checks`] |
//! | provision | to make network and containers of a plan |
//! | readiness | whether a cluster is usable: nodes Ready, DNS and Services working |
//! | recipe | the files that an image is built from |
//! | scope | part of an operation; it ends when all tasks started in it have ended |
//! | session | a command in a node that gets its instructions later, on stdin |
//! | settled | a definition with images and API balancer chosen, after asking the engine |
//! | stage | one of the parts, made one after the other, of a step that takes minutes |
//! | step | part of an operation that is shown while it runs; it ends with or without success |

mod addon;
mod admin_kubeconfig;
mod bootstrap;
mod builder;
mod cache;
mod check;
pub mod cli;
pub mod cluster;
mod component_config;
mod components;
pub mod config;
pub mod context;
mod create;
mod delete;
mod diagnose;
pub mod dry_run;
mod duration;
pub mod engine;
mod environment;
mod files;
mod health;
pub mod image;
mod image_file;
mod inventory;
mod kube;
pub mod kubeadm;
mod kubeconfig;
mod kubectl;
mod labels;
mod lifecycle;
mod load;
mod logs;
pub mod node;
pub mod node_image;
mod patch;
mod plan;
mod platform;
mod pods;
mod preflight;
pub mod progress;
mod provision;
mod pull;
mod readiness;
mod report;
mod sbom;
mod secret;
mod settle;
mod signal;
mod status;
mod sudo;
pub mod text;
mod toml;
pub mod version;
pub mod yaml;
