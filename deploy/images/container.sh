# shellcheck shell=bash
# Sourced: what a kubelet and containerd make of an image, for runc.

# Writes the bundle of a container into a folder. read_only: what the chart asks for; else what a bare Job has. Network: none,
# or host. Mounts are FROM:TO:ro or FROM:TO:rw; a TO below /tmp lies on a file system of its own, that nobody writes to.
bundle() { # folder, root, what the image says of itself, read_only, user, CPUs, network, mounts --, arguments --, NAME=value ...
  local folder=$1 root=$2 about=$3 read_only=$4 user=$5 cpus=$6 network=$7
  shift 7
  mkdir -p "$folder"
  rm -f "$folder/config.json"
  runc spec --bundle "$folder"
  jq --slurpfile about "$about" --arg root "$root" --argjson ro "$read_only" --arg user "$user" --argjson cpus "$cpus" \
    --arg network "$network" --arg name "$(basename "$folder")" --args '
    ($about[0].config) as $image
    | $ARGS.positional as $all | ($all | index("--")) as $a | ($all[$a + 1:] | index("--") + $a + 1) as $b
    | .process.terminal = false
    | .process.args = $image.Entrypoint + $all[$a + 1:$b]
    | .process.env = $image.Env + $all[$b + 1:]
    | .process.cwd = $image.WorkingDir
    | .process.user = ($user | split(":") | {uid: (.[0] | tonumber), gid: (.[1] | tonumber)})
    | .process.noNewPrivileges = true
    | .process.capabilities = {bounding: [], effective: [], permitted: []}
    | .process.rlimits = []
    | .root = {path: $root, readonly: $ro}
    | .linux.resources.cpu = {quota: ($cpus * 100000 | floor), period: 100000}
    | .linux.cgroupsPath = "/" + $name
    | if $network == "host" then .linux.namespaces |= map(select(.type != "network")) else . end
    | ($all[:$a] | map(split(":") | {destination: .[1], type: "bind", source: .[0], options: ["rbind", .[2]]})) as $mounts
    | if any($mounts[]; .destination | startswith("/tmp/"))
      then .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=755"]}] else . end
    | .mounts += $mounts' -- "$@" <"$folder/config.json" >"$folder/new.json"
  mv "$folder/new.json" "$folder/config.json"
}
