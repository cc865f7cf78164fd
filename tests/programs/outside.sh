#!/usr/bin/env bash
# outside.sh BUILD SOURCE FLAGS: installs BUILD into a prefix, moves the prefix, and builds the projects outside_cmake and outside_make
# against it as any user would. FLAGS are those the installed runtime was compiled with (sanitizers).
set -euo pipefail
build=$1 source=$2 flags=${3-}
here=$source/tests/programs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CFLAGS=$flags CXXFLAGS=$flags LDFLAGS=$flags
unset CMAKE_GENERATOR MAKEFLAGS || true

fail() {
    echo "$1" >&2
    exit 1
}
equal() {
    [ "$2" = "$3" ] || fail "$1: got '$2', not '$3'"
}
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "failed: $*"
    }
}

quietly cmake --install "$build" --prefix "$work/first"
mkdir "$work/moved here"
mv "$work/first" "$work/moved here/prefix"
prefix="$work/moved here/prefix"
for file in bin/tfcc include/tfcc/runtime.h include/tfcc/abi.h; do
    [ -f "$prefix/$file" ] || fail "$file is not installed"
done
pc=$(find "$prefix" -name tfcc-runtime.pc)
[ -n "$pc" ] || fail "tfcc-runtime.pc is not installed"
[ -n "$(find "$prefix" -name libtfcc_runtime.a)" ] || fail "libtfcc_runtime.a is not installed"
[ -n "$(find "$prefix" -path '*/cmake/tfcc/tfccConfig.cmake')" ] || fail "the CMake package is not installed"
! grep -rlF -e "$build" -e "$source" "$prefix" --include='*.cmake' --include='*.pc' ||
    fail "files of the package hold paths of the build"

# A CMake project. The copy's folder is writable, so that the graph can be changed.
cp -r "$here"/outside_{cmake,cxx,make} "$work"
cd "$work/outside_cmake"
quietly cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix"
quietly cmake --build build
equal "C program" "$(build/count)" $'2 2\n3 3'
sleep 1.1
sed -i 's/value: 1}$/value: 5}/' counter.yaml
quietly cmake --build build
equal "after the graph was changed" "$(build/count)" $'10 10\n15 15'

# Nothing is done again where nothing was changed.
quietly cmake --build build
! grep -q 'Compiling model' "$work/log" || fail "the model is compiled again although nothing was changed"

if [ -n "$(command -v c++)" ]; then
    cd "$work/outside_cxx"
    quietly cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix"
    quietly cmake --build build
    equal "C++ program" "$(build/count)" "2 2"
    equal "C++ program with a library" "$(build/count_library)" "2 2"
fi

# make and pkg-config; make splits at blanks, so from a folder without any.
mv "$prefix" "$work/prefix"
export PKG_CONFIG_PATH="$work/prefix/${pc#"$prefix"/}"
PKG_CONFIG_PATH=${PKG_CONFIG_PATH%/*}
cd "$work/outside_make"
quietly make
equal "make" "$(./count)" $'2 2\n3 3'
sleep 1.1
sed -i 's/value: 1}$/value: 5}/' counter.yaml
quietly make
equal "make, after the graph was changed" "$(./count)" $'10 10\n15 15'
quietly make
grep -q 'up to date' "$work/log" || fail "make has something to do although nothing was changed"

# Without the tests, nothing of theirs is looked for.
quietly cmake -S "$source" -B "$work/untested" -DBUILD_TESTING=OFF -DCMAKE_DISABLE_FIND_PACKAGE_Criterion=ON
