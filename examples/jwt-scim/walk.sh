#!/usr/bin/env bash
# From an empty account to users and groups that an identity provider keeps, with curl alone.
#
# Wants in the environment:
#   MUSTER_URL       http://127.0.0.1:8080
#   ACCOUNT          the account's identifier
#   PAT              an administrator's token (`muster bootstrap` prints one)
#   JWKS_URL         where the provider publishes its keys
#   TOKEN_ENDPOINT   where the provider issues tokens (client_credentials)
#   ROTATE           optional: a command that makes the provider rotate its signing key
# run-test.sh beside this file starts a server and a real OpenID provider and runs this walk.
set -euo pipefail

say() { printf '\n== %s\n' "$*"; }
die() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# call STATUS curl-arguments…: runs curl, asserts the status, leaves the body in $BODY.
call() {
  local want=$1 got
  shift
  BODY=$(curl --silent --show-error --max-time 30 --write-out '\n%{http_code}' "$@")
  got=${BODY##*$'\n'}
  BODY=${BODY%$'\n'*}
  [ "$got" = "$want" ] || die "expected $want and got $got: $BODY"
}
has() { case $BODY in *"$1"*) ;; *) die "expected $1 in: $BODY" ;; esac; }
lacks() { case $BODY in *"$1"*) die "did not expect $1 in: $BODY" ;; esac; }
# text NAME: the value of the first string member of that name in $BODY.
text() { printf '%s' "$BODY" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p" | head -n 1; }
# first NAME: as text, but the leftmost one on the line.
first() { printf '%s' "$BODY" | grep -o "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/.*: *"\(.*\)"/\1/'; }

api() { local want=$1; shift; call "$want" --header "x-api-key: $PAT" --header 'Content-Type: application/json' "$@"; }
token() {
  call 200 --request POST "$TOKEN_ENDPOINT" --data grant_type=client_credentials \
    --data client_id=identity-sync --data client_secret=a-secret-for-this-example-only
  JWT=$(text access_token)
}
scim() {
  local want=$1; shift
  call "$want" --header "Authorization: Bearer $JWT" --header 'Content-Type: application/scim+json' "$@"
}

in_account="accountIdentifier=$ACCOUNT"
scim_url="$MUSTER_URL/gateway/ng/api/scim/account/$ACCOUNT"

say '1. A service account; its identifier is made from its name'
api 200 --request POST "$MUSTER_URL/gateway/ng/api/serviceaccount?$in_account" \
  --data '{"name":"Identity Sync","email":"identity-sync@example.com"}'
SERVICE_ACCOUNT=$(text identifier)
[ "$SERVICE_ACCOUNT" = Identity_Sync ] || die "the identifier is $SERVICE_ACCOUNT: $BODY"
api 200 "$MUSTER_URL/gateway/ng/api/serviceaccount?$in_account"
has '"Identity_Sync"'

say '   a role: users view, manage, invite; user groups view, manage'
api 200 --request POST "$MUSTER_URL/gateway/authz/api/roles?$in_account" --data '{
  "identifier":"identity_sync","name":"Identity sync",
  "permissions":["core_user_view","core_user_manage","core_user_invite","core_usergroup_view","core_usergroup_manage"]}'
api 200 --request POST "$MUSTER_URL/gateway/authz/api/roleassignments?$in_account" --data '{
  "roleIdentifier":"identity_sync","resourceGroupIdentifier":"_all_account_level_resources",
  "principal":{"type":"SERVICE_ACCOUNT","identifier":"Identity_Sync","scopeLevel":"account"}}'
BINDING=$(first identifier)
[ -n "$BINDING" ] || die "the binding has no identifier: $BODY"

say '2. The four settings, with the call of the reference documentation'
call 200 --location --request PUT "$MUSTER_URL/gateway/ng/api/settings?accountIdentifier=$ACCOUNT" \
  --header 'Connection: keep-alive' --header "x-api-key: $PAT" --header 'Accept: */*' \
  --header 'Accept-Language: en-US,en;q=0.9' --header 'Content-Type: application/json' --data-raw '[
  {"identifier":"scim_jwt_token_jwks_keys_url","value":"'"$JWKS_URL"'","allowOverrides":false,"updateType":"UPDATE"},
  {"identifier":"scim_jwt_token_key_field","value":"client_id","allowOverrides":false,"updateType":"UPDATE"},
  {"identifier":"scim_jwt_token_value_field","value":"identity-sync","allowOverrides":false,"updateType":"UPDATE"},
  {"identifier":"scim_jwt_token_service_account_id","value":"Identity_Sync","allowOverrides":false,"updateType":"UPDATE"}]'
lacks '"updateStatus":false'

say '3. A JWT of the provider, and the directory by SCIM'
token
scim 200 "$scim_url/Users?filter=userName%20eq%20%22ada@example.com%22"
has '"totalResults":0'
IDS=()
for person in 'Ada Lovelace' 'Grace Hopper' 'Mary Jackson'; do
  given=${person%% *} family=${person##* }
  address=$(printf '%s' "$given" | tr '[:upper:]' '[:lower:]')@example.com
  scim 201 --request POST "$scim_url/Users" --data '{
    "schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"'"$address"'","active":true,
    "name":{"givenName":"'"$given"'","familyName":"'"$family"'"},
    "emails":[{"value":"'"$address"'","type":"work","primary":true}],"externalId":"hr-'"$family"'"}'
  IDS+=("$(first id)")
done
scim 409 --request POST "$scim_url/Users" \
  --data '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ADA@example.com"}'
has '"uniqueness"'
scim 201 --request POST "$scim_url/Groups" --data '{
  "schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Pioneers",
  "members":[{"value":"'"${IDS[0]}"'"},{"value":"'"${IDS[1]}"'"}]}'
GROUP=$(first id)
scim 200 --request PATCH "$scim_url/Groups/$GROUP" --data '{
  "schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  "Operations":[{"op":"add","path":"members","value":[{"value":"'"${IDS[2]}"'"}]}]}'
for id in "${IDS[@]}"; do has "$id"; done

say '   Grace leaves: deactivated, still there'
scim 200 --request PATCH "$scim_url/Users/${IDS[1]}" --data '{
  "schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  "Operations":[{"op":"replace","path":"active","value":false}]}'
scim 200 "$scim_url/Users/${IDS[1]}"
has '"active":false'
scim 200 "$scim_url/Users?filter=userName%20sw%20%22ada%22"
has '"totalResults":1'

if [ -n "${ROTATE:-}" ]; then
  say '4. The provider rotates its key; the walk goes on without a restart'
  sh -c "$ROTATE"
  began=$(date +%s)
  until token && STATUS=$(curl --silent --output /dev/null --write-out '%{http_code}' --max-time 30 \
    --header "Authorization: Bearer $JWT" "$scim_url/Users/${IDS[0]}") && [ "$STATUS" = 200 ]; do
    [ $(($(date +%s) - began)) -lt 35 ] || die "the new key is not accepted after 35 s (last status $STATUS)"
    sleep 1
  done
  printf '   accepted after %s s\n' $(($(date +%s) - began))
fi

say '5. The binding goes, and with it the right: the next call is refused'
api 200 --request DELETE "$MUSTER_URL/gateway/authz/api/roleassignments/$BINDING?$in_account"
scim 403 "$scim_url/Users/${IDS[0]}"
has '"403"'

say '6. The audit trail has it all'
api 200 --request POST "$MUSTER_URL/gateway/audit/api/audits/list?$in_account&pageSize=100" --data '{"filterType":"Audit"}'
for what in SERVICE_ACCOUNT ROLE_ASSIGNMENT SETTING USER USER_GROUP; do has "\"$what\""; done

printf '\nThe whole walk holds.\n'
