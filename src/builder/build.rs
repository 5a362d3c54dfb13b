//! One image: compared with its recipe, built in a container, loaded.

use std::sync::Mutex;

use super::archive::{self, Facts};
use super::base;
use super::error::BuildError;
use super::recipe::Recipe;
use super::stages::{self, Stages, Times};
use crate::context::{Context, RunError};
use crate::engine::{Command, ContainerSpec, EngineError, Image};
use crate::environment;
use crate::labels;
use crate::node::NodeHandle;
use crate::progress::Step;
use crate::pull;
use crate::text;

/// Compilers' caches and finished parts; survives builds.
const CACHE_VOLUME: &str = "skiff-build-cache";
/// Where systems keep the authorities that TLS connections are checked against.
const CA_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Variables of this process that downloads in the builder need as well.
const PASSED_ENV: [&str; 10] = [
    "GOPROXY",
    "GONOSUMDB",
    "GONOPROXY",
    "GOPRIVATE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

#[derive(Debug, Clone, Default)]
pub(crate) struct BuildOptions {
    /// As in GOARCH; `None`: the engine's.
    pub arch: Option<String>,
    /// Where Debian packages come from, instead of Debian's own mirror.
    pub mirror: Option<String>,
    /// Build even when the image is up to date, and with the newest packages.
    pub force: bool,
}

/// An image that the same recipe made before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpToDate {
    /// The date of its Debian packages, such as `2026-11-24`.
    pub debian: Option<String>,
}

/// One image to be built.
pub(crate) struct Build<'a> {
    ctx: &'a Context,
    image: String,
    recipe: Recipe,
    options: BuildOptions,
    arch: String,
    digest: String,
    present: Option<Image>,
}

impl<'a> Build<'a> {
    /// Compares `image` with the recipe; nothing is built yet.
    ///
    /// # Errors
    /// Returns [`BuildError::OtherArchitecture`] if the engine runs on another
    /// architecture, or the engine's error.
    pub(crate) async fn plan(
        ctx: &'a Context,
        image: &str,
        recipe: Recipe,
        options: BuildOptions,
    ) -> Result<Build<'a>, BuildError> {
        let host = ctx.interruptible(ctx.engine.host()).await?;
        let arch = options.arch.clone().unwrap_or_else(|| host.arch.clone());
        if arch != host.arch {
            return Err(BuildError::OtherArchitecture { host: host.arch, wanted: arch });
        }
        let digest = recipe.digest(&arch, options.mirror.as_deref());
        let present = ctx.interruptible(ctx.engine.image(image)).await?;
        Ok(Build { ctx, image: image.to_owned(), recipe, options, arch, digest, present })
    }

    /// The image, if it is what the recipe would build.
    pub(crate) fn up_to_date(&self) -> Option<UpToDate> {
        let is_current = |image: &&Image| image.labels.get(labels::RECIPE) == Some(&self.digest);
        let present = self.present.as_ref().filter(|_| !self.options.force).filter(is_current)?;
        Some(UpToDate { debian: present.labels.get(labels::DEBIAN).cloned() })
    }

    /// Builds the image, which replaces one of the same name.
    ///
    /// # Errors
    /// Returns [`BuildError::NoBase`], or [`BuildError::Failed`] with the output of
    /// the recipe.
    pub(crate) async fn run(self) -> Result<(), BuildError> {
        let base = base::ensure(self.ctx, self.options.mirror.as_deref()).await?;
        let suffix = text::random_hex(4).map_err(RunError::from)?;
        let builder = format!("skiff-build-{suffix}");
        let built = self.ctx.scope(async |ctx| self.run_in(ctx, &builder, &base).await).await;
        let removed = self.ctx.clean_up(self.ctx.engine.remove_container(&builder)).await;
        built?;
        removed?;
        let replaced = async {
            self.remove_replaced().await;
            Ok::<_, RunError>(())
        };
        self.ctx.clean_up(replaced).await?;
        Ok(())
    }

    /// Removes the image that had the name before, unless it has another name:
    /// an image that is removed by its ID loses its only name, too.
    async fn remove_replaced(&self) {
        let Some(old) = &self.present else { return };
        let engine = &self.ctx.engine;
        let removed = match engine.image(&old.id).await {
            Ok(Some(image)) if !image.tags.is_empty() => {
                Err(format!("its names are {}", image.tags.join(", ")))
            }
            // A container may still use it.
            Ok(Some(_)) => engine.remove_image(&old.id).await.map_err(|error| error.to_string()),
            Ok(None) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = removed {
            self.ctx.progress.debug(1, format!("the old image stays: {reason}"));
        }
    }

    async fn run_in(&self, ctx: &Context, builder: &str, base: &str) -> Result<(), BuildError> {
        let step = ctx.progress.step(format!("Building {} {} 🔨", self.recipe.what, self.image));
        let spec = self.container(builder, base);
        let (engine, name) = (ctx.engine.clone(), builder.to_owned());
        ctx.run_to_completion(async move {
            engine.create_container(&spec).await?;
            engine.start_container(&name).await
        })
        .await?;
        let builder = NodeHandle::new(ctx, builder);
        self.copy_inputs(&builder).await?;

        let stages = Mutex::new(Stages::new(self.recipe.script(), Times::kept()));
        self.run_recipe(ctx, &builder, &step, &stages).await?;
        let mut stages = stages.into_inner().expect("no holder panics");
        stages.begin(stages::LOADING).into_iter().for_each(|stage| step.stage(stage));
        self.load(ctx, &builder).await?;
        stages.finish();
        step.done();
        Ok(())
    }

    async fn run_recipe(
        &self,
        ctx: &Context,
        builder: &NodeHandle,
        step: &Step,
        stages: &Mutex<Stages>,
    ) -> Result<(), BuildError> {
        let last_line = Mutex::new(String::new());
        let on_line = |line: &str| {
            if let Some(warning) = line.strip_prefix("warning: ") {
                return ctx.progress.warn(warning);
            }
            match stages.lock().expect("no holder panics").line(line) {
                Some(stage) => step.stage(stage),
                None => step.detail(line),
            }
            ctx.progress.debug(1, line);
            line.clone_into(&mut last_line.lock().expect("no holder panics"));
        };
        let script = ["bash".into(), "/src/build.sh".into()];
        let script = script.into_iter().chain(self.recipe.arguments.iter().cloned());
        match builder.run_with(Command::new(script), on_line).await {
            Ok(_) => Ok(()),
            Err(RunError::Command { output, .. }) => {
                let last = last_line.into_inner().expect("no holder panics");
                Err(BuildError::Failed { what: self.recipe.what, last, output })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a configuration beside the layer, and loads both into the engine.
    async fn load(&self, ctx: &Context, builder: &NodeHandle) -> Result<(), BuildError> {
        let place = |file: &str| format!("{}/{file}", archive::DIRECTORY);
        let text = builder.read(&place("facts")).await?;
        let facts = Facts::parse(&text).ok_or_else(|| BuildError::Failed {
            what: self.recipe.what,
            last: "the recipe does not say what it made".into(),
            output: text,
        })?;
        let labels = self.recipe.labels.iter().map(|(name, value)| (*name, value.clone()));
        let labels = labels.chain([(labels::RECIPE, self.digest.clone())]);
        let labels = labels.map(|(name, value)| (name.to_owned(), value));
        let configuration = facts.configuration(&self.arch, self.recipe.config(), labels);
        let [manifest, config, _] = archive::FILES;
        let name = pull::with_tag(&self.image);
        let names = archive::manifest(&name);
        builder.write(&place(manifest), names.to_string()).await?;
        builder.write(&place(config), configuration.to_string()).await?;
        let pack = ["tar", "-C", archive::DIRECTORY, "-cf", "-"];
        let pack = Command::new(pack.into_iter().chain(archive::FILES));
        let image = builder.stream_out(pack).await?;
        Ok(ctx.interruptible(ctx.engine.load_image(&name, image)).await?)
    }

    fn container(&self, builder: &str, base: &str) -> ContainerSpec {
        let mut env: Vec<String> = PASSED_ENV
            .iter()
            .filter_map(|name| Some(format!("{name}={}", environment::variable(name)?)))
            .collect();
        env.push(format!("ARCH={}", self.arch));
        env.extend(self.options.force.then(|| "REFRESH=1".to_owned()));
        env.extend(self.options.mirror.iter().map(|mirror| format!("DEBIAN_MIRROR={mirror}")));
        ContainerSpec {
            name: builder.to_owned(),
            hostname: "builder".into(),
            image: base.to_owned(),
            labels: [(labels::CREATED_BY.to_owned(), labels::created_by())].into(),
            env,
            privileged: true, // mounts, for making a root file system
            binds: vec![format!("{CACHE_VOLUME}:/cache")],
            // It ends by itself if skiff is killed.
            command: vec!["sleep".into(), "2h".into()],
            auto_remove: true,
            ..ContainerSpec::default()
        }
    }

    /// Brings in the recipe, and what the host trusts, a company's own authority
    /// for example; nothing of that gets into the image.
    async fn copy_inputs(&self, builder: &NodeHandle) -> Result<(), BuildError> {
        let archive =
            self.recipe.archive().map_err(|e| EngineError::other("packing the recipe", e))?;
        let unpack = Command::new(["tar", "-C", "/", "-x"]);
        builder.run(unpack.stdin(archive)).await?;
        let bundle = environment::variable("SSL_CERT_FILE")
            .into_iter()
            .chain(CA_BUNDLES.map(str::to_owned))
            .find_map(|path| std::fs::read(path).ok());
        if let Some(bundle) = bundle {
            let keep = Command::new(["sh", "-c", "cat >/host-ca.crt"]);
            builder.run(keep.stdin(bundle)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use include_dir::{Dir, include_dir};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::Engine;
    use crate::engine::fake::{FakeEngine, Script};
    use crate::progress::Progress;

    static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/src/builder/shared");

    async fn rebuild(engine: &FakeEngine) {
        let cancel = CancellationToken::new();
        let ctx = Context::new(Arc::new(engine.clone()), Progress::silent(), cancel);
        let (arguments, labels) = (Vec::new(), Vec::new());
        let recipe = Recipe { what: "image", directory: &FILES, arguments, labels };
        let options = BuildOptions { force: true, ..BuildOptions::default() };
        Build::plan(&ctx, "app:1", recipe, options).await.unwrap().run().await.unwrap();
    }

    #[tokio::test]
    async fn a_replaced_image_is_removed_unless_it_has_another_name() {
        for kept in [&["mine:keep"][..], &["mine:keep", "mine:2"], &[]] {
            let script = Script::parse("images: {app:1: {}, skiff/debian:trixie: {}}").unwrap();
            let engine = script.engine(&CancellationToken::new());
            let old = engine.image("app:1").await.unwrap().unwrap().id;
            kept.iter().for_each(|name| engine.tag("app:1", name));
            rebuild(&engine).await;
            assert_ne!(engine.image("app:1").await.unwrap().unwrap().id, old);
            for name in kept {
                assert_eq!(engine.image(name).await.unwrap().expect(name).id, old, "{name}");
            }
            assert_eq!(engine.image(&old).await.unwrap().is_some(), !kept.is_empty());
        }
    }
}
