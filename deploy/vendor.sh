#!/bin/sh
# Fetch the libraries of the page at their pinned versions into gateway/static/vendor: minified modules, licences and
# SHA256SUMS. Needs npm. A package whose digest is not the one below is refused.
set -eu
target=$(cd "$(dirname "$0")/.." && pwd)/gateway/static/vendor
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# name version sha256-of-the-package file...
take() {
    name=$1 version=$2 digest=$3
    shift 3
    (cd "$scratch" && npm pack --silent "$name@$version" >/dev/null)
    package=$scratch/$name-$version.tgz
    echo "$digest  $package" | sha256sum --check --quiet
    mkdir "$scratch/$name"
    tar -xzf "$package" -C "$scratch/$name" --strip-components=1
    for file in "$@"; do
        cp "$scratch/$name/$file" "$target/"
    done
    cp "$scratch/$name/LICENSE" "$target/$name-$version.LICENSE"
}

rm -rf "$target"
mkdir -p "$target"
take three 0.180.0 ad66d724565ee29a2467277fa84daa5ed0211d6b8d446e9ef29f6bae0cd14144 build/three.module.min.js build/three.core.min.js examples/jsm/controls/OrbitControls.js
take uplot 1.6.32 4b8a8191e425658e3ea8c8c1314b0fc679c861ee3a1af2b20c7b16ba50b5133d dist/uPlot.iife.min.js dist/uPlot.min.css
take swagger-ui-dist 5.35.0 1b8e891893404ea4c3558b6a87e2a3e494e7eedba41168c2ece5800a391a6ea6 swagger-ui-bundle.js swagger-ui.css
cat "$scratch/swagger-ui-dist/NOTICE" >>"$target/swagger-ui-dist-5.35.0.LICENSE"
cd "$target"
sha256sum -- *.js *.css *.LICENSE >SHA256SUMS
