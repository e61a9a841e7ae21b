#!/bin/sh
# How the certificates in this folder were made (OpenSSL 3). They are committed, so that the tests need no OpenSSL; run this in
# this folder only to replace them. The keys are for tests on loopback and protect nothing.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

openssl ecparam -name prime256v1 -genkey -noout -out server.key

: > "$work/index.txt"
cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = test
[test]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
CNF

# Signed with its own key: name, key, extension. (`openssl req -x509` would date it from today.)
self_sign() {
  openssl req -new -key "$2" -subj "/CN=$1" -addext "$3" -out "$work/$1.csr"
  openssl ca -batch -notext -config "$work/ca.cnf" -selfsign -keyfile "$2" \
    -startdate 20200101000000Z -enddate 21200101000000Z -in "$work/$1.csr" -out "$1.pem"
}
openssl ecparam -name prime256v1 -genkey -noout -out "$work/authority.key"
self_sign authority "$work/authority.key" 'basicConstraints=critical,CA:TRUE'
self_sign self-signed server.key 'subjectAltName=DNS:localhost,IP:127.0.0.1'

# Signed by the authority: name, subject alternative names, valid from, valid until.
issue() {
  openssl req -new -key server.key -subj "/CN=$1" -addext "subjectAltName=$2" -out "$work/$1.csr"
  openssl ca -batch -notext -config "$work/ca.cnf" -cert authority.pem -keyfile "$work/authority.key" \
    -startdate "$3" -enddate "$4" -in "$work/$1.csr" -out "$1.pem"
}
issue valid 'DNS:localhost,IP:127.0.0.1' 20200101000000Z 21200101000000Z
issue expired 'DNS:localhost,IP:127.0.0.1' 20200101000000Z 20210101000000Z
issue wrong-host 'DNS:elsewhere.example' 20200101000000Z 21200101000000Z
