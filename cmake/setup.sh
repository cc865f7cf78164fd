# setup.sh: installs what is missing on a Debian 12 machine. Sourced by graphs/demo.sh and tests/run.sh.
#
# tfcc_install PACKAGE...: as root, or through sudo; does nothing where all of them are there.
tfcc_install() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "These packages are missing: ${missing[*]}. Install them, or run this as root." >&2
            return 1
        }
        root=(sudo)
    fi
    echo "Installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update &&
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
            --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

TFCC_BUILD_PACKAGES=(gcc libc6-dev cmake make pkg-config llvm-19-dev libyaml-dev
    libprotobuf-c-dev protobuf-c-compiler)

# tfcc_build FOLDER OPTION...: configures and builds; what CMake and make say is shown only where they fail.
tfcc_build() {
    local folder=$1
    shift
    mkdir -p "$folder"
    local log=$folder/build.log
    echo "Building tfcc in $folder"
    if ! { cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release "$@" &&
        cmake --build "$folder" --parallel "$(nproc)"; } >"$log" 2>&1; then
        grep -nE -A6 'error:|Error ' "$log" >&2 || tail -n 60 "$log" >&2
        echo "The build failed; all it said is in $log" >&2
        return 1
    fi
}
