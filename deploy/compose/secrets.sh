#!/bin/sh
# Makes the passwords of deploy/compose.yaml in deploy/secrets/, each once: what is there stays.
set -eu
umask 022
folder="$(dirname "$0")/../secrets"
mkdir -p "$folder"
# Nobody else may look into the folder; the files themselves are read by the containers' own users.
chmod 700 "$folder"

password() {
    [ -s "$folder/$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' > "$folder/$1"
}

hash() {
    sha256sum < "$folder/$1" | cut -d ' ' -f 1
}

password clickhouse_password
password analyst_password
password grafana_password
cat > "$folder/clickhouse_users.xml" <<XML
<clickhouse>
  <users>
    <omnijourney><password_sha256_hex>$(hash clickhouse_password)</password_sha256_hex></omnijourney>
    <analyst><password_sha256_hex>$(hash analyst_password)</password_sha256_hex></analyst>
  </users>
</clickhouse>
XML
