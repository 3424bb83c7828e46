// jsforce, unmodified, against the sandbox: sign-in, paging, describe, rows, collections, bulk jobs.
import assert from "node:assert/strict";
import jsforce from "jsforce";

const { SALESFORCE_HTTP: url, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret } = process.env;
const people = Number(process.env.PEOPLE);
const connection = new jsforce.Connection({ instanceUrl: url, loginUrl: url, oauth2: { clientId, clientSecret, loginUrl: url } });
await connection.authorize({ grant_type: "client_credentials" });
assert.equal(connection.instanceUrl, url);

const leads = await connection
  .query("SELECT Id, Status FROM Lead WHERE IsConverted = false")
  .run({ autoFetch: true, maxFetch: 1_000_000 });
const records = Array.isArray(leads) ? leads : leads.records;
assert.equal(records.length, people);

const described = await connection.sobject("Lead").describe();
assert.ok(described.fields.some((field) => field.name === "HasOptedOutOfEmail" && field.type === "boolean"));

const one = records[400].Id;
const single = await connection.sobject("Lead").update({ Id: one, Status: "Nurture" });
assert.equal(single.success, true);
assert.equal((await connection.sobject("Lead").retrieve(one)).Status, "Nurture");

const many = records.slice(401, 601).map(({ Id }) => ({ Id, Status: "Not interested" }));
const answers = await connection.sobject("Lead").update(many);
assert.equal(answers.filter((answer) => answer.success).length, 200);
await assert.rejects(connection.query("SELECT Nothing__c FROM Lead"), { errorCode: "INVALID_FIELD" });

connection.bulk2.pollInterval = 20;
connection.bulk2.pollTimeout = 60_000;
const stream = await connection.bulk2.query("SELECT Id, Status FROM Lead");
const rows = await stream.toArray();
assert.equal(rows.length, people);
const outcome = await connection.bulk2.loadAndWaitForResults({
  object: "Lead",
  operation: "update",
  input: [...records.slice(601, 651).map(({ Id }) => ({ Id, Status: "In progress" })), { Id: "00Q5f000000gone", Status: "x" }],
});
assert.equal(outcome.successfulResults.length, 50);
assert.equal(outcome.failedResults.length, 1);
assert.ok(outcome.failedResults[0].sf__Error.length > 0);

// Sign-in by SOAP, as long as the version has it.
const old = new jsforce.Connection({ loginUrl: url, version: "50.0" });
const user = await old.login("lockstep@sandbox.example", clientSecret);
assert.match(user.organizationId, /^00D/);
assert.equal((await old.query("SELECT Id FROM Lead LIMIT 1")).totalSize, 1);
assert.match((await old.identity()).urls.rest, /\/services\/data\/v/);
console.log("jsforce: well");
