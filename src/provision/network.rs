//! The network that all clusters share, made as kind makes it
//! (kind v0.33.0, `pkg/cluster/internal/providers/docker/network.go`).

use std::collections::BTreeMap;

use sha1::{Digest, Sha1};

use super::error::ProvisionError;
use crate::cluster::Family;
use crate::context::{Context, RunError};
use crate::engine::{EngineError, Network, NetworkSpec};

/// The name of kind's network (`fixedNetworkName` there).
pub(crate) const DEFAULT: &str = "kind";

const ATTEMPTS: i32 = 5;

/// Docker's default network, whose MTU an administrator sets.
const DOCKER_DEFAULT: &str = "bridge";

/// What to ask the engine for. `attempt` is `None` where there is no IPv6.
pub(crate) fn spec(name: &str, attempt: Option<i32>, mtu: Option<u32>) -> NetworkSpec {
    NetworkSpec {
        name: name.to_owned(),
        ipv6_subnet: attempt.map(|attempt| unique_local_subnet(name, attempt)),
        mtu,
        options: BTreeMap::from([(
            "com.docker.network.bridge.enable_ip_masquerade".into(),
            "true".into(),
        )]),
    }
}

/// Makes sure that exactly one network of that name exists, and returns it. A new one has
/// IPv6, unless the engine has none and the family needs none; `preflight` looks at one
/// that exists.
///
/// # Errors
/// Returns [`ProvisionError::NoIpv6`] if the engine cannot create one with it,
/// [`ProvisionError::NoSubnet`] when every subnet
/// overlaps, or the engine's error.
pub(crate) async fn ensure(
    ctx: &Context,
    name: &str,
    family: Family,
) -> Result<Network, ProvisionError> {
    match only_one(ctx, name).await? {
        Some(found) => Ok(found),
        None => create(ctx, name, family).await,
    }
}

async fn create(ctx: &Context, name: &str, family: Family) -> Result<Network, ProvisionError> {
    let mtu = default_mtu(ctx).await?;
    let mut attempt = Some(0);
    for _ in 0..ATTEMPTS {
        let (engine, wanted) = (ctx.engine.clone(), spec(name, attempt, mtu));
        match ctx.run_to_completion(async move { engine.create_network(&wanted).await }).await {
            Ok(()) => {}
            Err(RunError::Engine(
                EngineError::Conflict { message, .. } | EngineError::Other { message, .. },
            )) if message.contains("already exists") => {}
            Err(RunError::Engine(error)) if lacks_ipv6(error.message()) && attempt.is_some() => {
                if family.has_v6() {
                    let reason = error.message().to_owned();
                    return Err(ProvisionError::NoIpv6 { network: name.to_owned(), reason });
                }
                attempt = None;
                continue;
            }
            Err(RunError::Engine(error)) if overlaps(error.message()) => {
                attempt = attempt.map(|n| n + 1);
                if only_one(ctx, name).await?.is_none() {
                    continue;
                }
            }
            Err(error) => return Err(error.into()),
        }
        // The engine lets two creations at once make two networks.
        if let Some(found) = only_one(ctx, name).await? {
            return Ok(found);
        }
    }
    Err(ProvisionError::NoSubnet(name.to_owned()))
}

/// The MTU that containers get by default (`getDefaultNetworkMTU` there). Docker
/// does not apply it to other networks by itself.
pub(crate) async fn default_mtu(ctx: &Context) -> Result<Option<u32>, RunError> {
    let found = ctx.interruptible(ctx.engine.networks(DOCKER_DEFAULT)).await?;
    Ok(found.into_iter().next().and_then(|network| network.mtu))
}

/// The network of this name. Duplicates that no container uses are removed. The
/// one in use is kept, else the one with the lowest id, so that concurrent runs
/// keep the same.
async fn only_one(ctx: &Context, name: &str) -> Result<Option<Network>, ProvisionError> {
    let mut found = ctx.interruptible(ctx.engine.networks(name)).await?;
    found.sort_by_key(|network| (network.containers == 0, network.id.clone()));
    let mut found = found.into_iter();
    let kept = found.next();
    for surplus in found.filter(|network| network.containers == 0) {
        let engine = ctx.engine.clone();
        ctx.run_to_completion(async move { engine.remove_network(&surplus.id).await }).await?;
    }
    Ok(kept)
}

/// Whether an engine's error says that its host has no IPv6 (`isIPv6UnavailableError`
/// there; engines begin the sentences with either case).
fn lacks_ipv6(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "cannot read ipv6 setup for bridge",
        "unable to enable nat rule",
        "unable to set default policy to drop",
    ]
    .iter()
    .any(|known| message.contains(known))
        || (message.contains("ip6tables") && message.contains("failed"))
}

fn overlaps(message: &str) -> bool {
    // The last is Podman's.
    ["Pool overlaps", "networks have overlapping", "is already used on the host or by another"]
        .iter()
        .any(|known| message.contains(known))
}

/// kind's /64 for a network's name: `fc00` and 6 bytes of SHA1(name, attempt)
/// (`generateULASubnetFromName` there).
fn unique_local_subnet(name: &str, attempt: i32) -> String {
    let mut hash = Sha1::new();
    hash.update(name.as_bytes());
    hash.update(attempt.to_le_bytes());
    let digest = hash.finalize();
    let mut bytes = [0u8; 16];
    bytes[0] = 0xfc;
    bytes[2..8].copy_from_slice(&digest[2..8]);
    format!("{}/64", std::net::Ipv6Addr::from(bytes))
}

#[cfg(test)]
mod tests;
