# $packages: lines of name, version and architecture; $indexes: lines of suite,
# digest and date; $modules: what `go version -m -json` printed.

def lines: split("\n") | map(select(. != "") | split(" "));
def component($purl; $name; $version):
  {type: "library", "bom-ref": $purl, name: $name, version: $version, purl: $purl};

def debian:
  lines | map(. as [$name, $version, $arch] |
    component("pkg:deb/debian/\($name | @uri)@\($version | @uri)?arch=\($arch)"; $name; $version));

def go_module:
  (.Replace // .) as {Path: $path, Version: $version} |
  component("pkg:golang/\($path | split("/") | map(@uri) | join("/"))@\($version | @uri)"; $path; $version);
# A main program of this project has no version.
def go:
  [.[] | (.Main, (.Deps // [])[]) | select(.Version // "" | startswith("v")) | go_module] +
  [.[].GoVersion | ltrimstr("go") | component("pkg:golang/std@\(.)"; "std"; .)];

{
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  version: 1,
  metadata: {
    timestamp: $date,
    tools: {components: [{type: "application", name: "skiff"}]},
    component: {type: "container", "bom-ref": "image", name: $name, version: $version},
    properties: ($indexes | lines | map({name: "skiff:debian-index", value: join(" ")}))
  },
  components: (($packages | debian) + ($modules | go) | unique_by(.purl))
}
