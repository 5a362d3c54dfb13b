//! Build script: rebuild when anything that is embedded in the binary changes,
//! since `include_dir!` alone does not tell cargo.

#[expect(clippy::print_stdout, reason = "this is how build scripts talk to cargo")]
fn main() {
    for embedded in ["src/builder/shared", "node-image", "configs/addons", "src/builder/watch.rs"] {
        println!("cargo::rerun-if-changed={embedded}");
    }
}
