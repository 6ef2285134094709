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

for name in owner sink monitor analyst grafana; do
    password "${name}_password"
done
cat > "$folder/clickhouse_users.xml" <<XML
<clickhouse>
  <users>
    <owner><password_sha256_hex>$(hash owner_password)</password_sha256_hex></owner>
    <sink><password_sha256_hex>$(hash sink_password)</password_sha256_hex></sink>
    <monitor><password_sha256_hex>$(hash monitor_password)</password_sha256_hex></monitor>
    <analyst><password_sha256_hex>$(hash analyst_password)</password_sha256_hex></analyst>
  </users>
</clickhouse>
XML
