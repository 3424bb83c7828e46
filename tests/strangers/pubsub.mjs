// salesforce-pubsub-api-client, unmodified, against the sandbox: change events, decoded, with the changed fields named.
import assert from "node:assert/strict";
import jsforce from "jsforce";
import PubSubApiClient from "salesforce-pubsub-api-client";

const { SALESFORCE_HTTP: url, SALESFORCE_HTTPS: instanceUrl, PUBSUB: endpoint, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;
const connection = new jsforce.Connection({ instanceUrl: url, loginUrl: url, oauth2: { clientId, clientSecret, loginUrl: url } });
const { id } = await connection.authorize({ grant_type: "client_credentials" }).then((user) => ({ id: user.organizationId }));
const silent = { debug() {}, info() {}, warn: console.warn, error: console.error };
const settings = {
  authType: "user-supplied",
  accessToken: connection.accessToken,
  instanceUrl,
  organizationId: id,
  pubSubEndpoint: endpoint,
  rejectUnauthorizedSsl: false,
};
const client = new PubSubApiClient(settings, silent);
await client.connect();

const events = [];
const waiting = [];
const next = () => (events.length ? Promise.resolve(events.shift()) : new Promise((resolve) => waiting.push(resolve)));
const heard = (event) => (waiting.length ? waiting.shift()(event) : events.push(event));
let failed;
const broken = new Promise((_, reject) => (failed = reject));
client.subscribe("/data/LeadChangeEvent", (_, type, data) => {
  if (type === "event") heard(data);
  if (type === "error") failed(new Error(JSON.stringify(data)));
});

const lead = (await connection.query("SELECT Id FROM Lead LIMIT 1")).records[0].Id;
// The subscription begins in its own time: changes go on until the first is heard.
const statuses = ["Nurture", "Not interested"];
let event;
const first = next();
for (let tried = 0; !event; tried += 1) {
  await connection.sobject("Lead").update({ Id: lead, Status: statuses[tried % 2] });
  event = await Promise.race([first, broken, new Promise((resolve) => setTimeout(resolve, 250))]);
}
const { payload, replayId } = event;
assert.equal(payload.ChangeEventHeader.entityName, "Lead");
assert.equal(payload.ChangeEventHeader.changeType, "UPDATE");
assert.deepEqual(payload.ChangeEventHeader.recordIds, [lead]);
assert.ok(payload.ChangeEventHeader.changedFields.includes("Status"), String(payload.ChangeEventHeader.changedFields));
assert.ok(payload.ChangeEventHeader.changedFields.includes("LastModifiedDate"));
assert.ok(statuses.includes(payload.Status));
assert.match(payload.ChangeEventHeader.changeOrigin, /^com\/salesforce\/api\/rest\//);

// A part of a compound field, by its own name; and a field that was emptied.
await connection.sobject("Lead").update({ Id: lead, FirstName: "Renamed", Title: null, Phone: "+1 555 0199" });
let renamed;
do {
  renamed = await Promise.race([next(), broken]);
} while (renamed.payload.Phone !== "+1 555 0199");
assert.ok(renamed.payload.ChangeEventHeader.changedFields.some((name) => name.endsWith("FirstName")));
assert.equal(renamed.payload.Name.FirstName, "Renamed");

// From a replay id, strictly behind it. A client has one subscription of a topic, so this is another.
const later = new PubSubApiClient(settings, silent);
await later.connect();
const again = [];
const replayed = new Promise((resolve) => {
  later.subscribeFromReplayId(
    "/data/LeadChangeEvent",
    (_, type, data) => {
      if (type === "event") again.push(data);
      if (again.some((one) => one.payload.Phone === "+1 555 0199")) resolve();
    },
    null,
    replayId,
  );
});
await Promise.race([replayed, broken]);
assert.ok(again.every((one) => one.replayId > replayId));
console.log("salesforce-pubsub-api-client: well");
client.close();
later.close();
process.exit(0);
