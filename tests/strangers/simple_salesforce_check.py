"""simple-salesforce, unmodified, against the sandbox: sign-in, paging, describe, rows, collections, bulk jobs."""

import os

import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceResourceNotFound

url, people = os.environ["SALESFORCE_HTTPS"], int(os.environ["PEOPLE"])
granted = requests.post(
    f"{url}/services/oauth2/token",
    data={
        "grant_type": "client_credentials",
        "client_id": os.environ["CLIENT_ID"],
        "client_secret": os.environ["CLIENT_SECRET"],
    },
    timeout=30,
)
granted.raise_for_status()
assert granted.json()["instance_url"] == url, granted.json()["instance_url"]
sf = Salesforce(instance_url=url, session_id=granted.json()["access_token"])

leads = list(sf.query_all_iter("SELECT Id, Status, LastModifiedDate FROM Lead WHERE IsConverted = false"))
assert len(leads) == people, len(leads)
assert len({lead["Id"] for lead in leads}) == people
fields = {field["name"]: field for field in sf.Lead.describe()["fields"]}
assert "Nurture" in [entry["value"] for entry in fields["Status"]["picklistValues"]]

one = leads[0]["Id"]
assert sf.Lead.update(one, {"Status": "Nurture"}) == 204
assert sf.Lead.get(one)["Status"] == "Nurture"
made = sf.Lead.create({"LastName": "Stranger", "Company": "Elsewhere", "Email": "stranger@example.com"})
assert made["success"] is True
assert sf.Lead.delete(made["id"]) == 204
try:
    sf.Lead.get(made["id"])
    raise AssertionError("a deleted Lead was read")
except SalesforceResourceNotFound as refused:
    assert refused.content[0]["errorCode"] == "ENTITY_IS_DELETED", refused.content
try:
    sf.query("SELECT Nothing__c FROM Lead")
    raise AssertionError("a field that is not there was read")
except SalesforceMalformedRequest as refused:
    assert refused.content[0]["errorCode"] == "INVALID_FIELD", refused.content

rows = [
    {"attributes": {"type": "Lead"}, "id": lead["Id"], "Status": "Not interested"} for lead in leads[1:200]
] + [{"attributes": {"type": "Lead"}, "id": "00Q5f000000gone", "Status": "Nurture"}]
answers = sf.restful("composite/sobjects", method="PATCH", json={"allOrNone": False, "records": rows})
assert [answer["success"] for answer in answers] == [True] * 199 + [False]
assert "statusCode" in answers[-1]["errors"][0]

pages = list(sf.bulk2.Lead.query("SELECT Id, Status FROM Lead", max_records=1500))
lines = [line for page in pages for line in page.splitlines()[1:]]
assert len(pages) > 1 and len(lines) == people, (len(pages), len(lines))
updated = sf.bulk2.Lead.update(
    records=[{"Id": lead["Id"], "Status": "In progress"} for lead in leads[200:300]]
    + [{"Id": "00Q5f000000gone", "Status": "In progress"}]
)
assert updated[0]["numberRecordsProcessed"] == 101 and updated[0]["numberRecordsFailed"] == 1, updated
assert sf.Lead.get(leads[250]["Id"])["Status"] == "In progress"
failed = sf.bulk2.Lead.get_failed_records(updated[0]["job_id"])
assert "00Q5f000000gone" in failed, failed
print("simple-salesforce: well")
