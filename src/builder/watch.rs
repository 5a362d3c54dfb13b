//! Build script: rebuild when anything that is embedded in the binary changes,
//! since `include_dir!` alone does not tell cargo.

fn main() {
    for embedded in ["builder", "node-image", "configs/addons", "src/builder/watch.rs"] {
        println!("cargo::rerun-if-changed={embedded}");
    }
}
