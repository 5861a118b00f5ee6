// Sends with a generated client, in each way that there is, and shows what was answered.

import {
  Configuration,
  Event,
  EventsApi,
  EventType,
  SchoolWorkspaceActivatedToJSON,
} from "./client";

declare const process: { env: Record<string, string>; exit(status: number): never };

const source = "urn:iledefrance:lycees";
const time = new Date("2019-03-11T09:30:00Z");

function connected(id: string, uai = "0750419Y"): Event {
  return {
    specversion: "1.0",
    id,
    source,
    time,
    type: EventType.SCHOOL_CONNECTED_V1,
    data: { uai, connectedOn: new Date("2019-03-08"), downlinkMbps: 1000 },
  };
}

function closed(id: string): Event {
  return {
    specversion: "1.0",
    id,
    source,
    time,
    type: EventType.SCHOOL_CLOSED_V1,
    data: { uai: "0750652B", closedOn: new Date("2019-03-08") },
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00-01",
  };
}

async function main(): Promise<void> {
  const events = new EventsApi(
    new Configuration({ basePath: process.env.GATEWAY, accessToken: process.env.TOKEN }),
  );

  const one = await events.sendEvent({ event: connected("typescript-1") });
  console.log("event", ...one.receipts.map((receipt) => receipt.id));

  const all = await events.sendBatch({ event: [connected("typescript-2"), closed("typescript-3")] });
  console.log("batch", ...(all.receipts ?? []).map((receipt) => receipt.id));

  const some = await events.sendBatch({
    event: [connected("typescript-4"), connected("typescript-5", "0750419A")],
  });
  const items = some.items ?? [];
  console.log("mixed", ...items.map((item) => item.status), items[1]?.problem?.field);

  const binary = await events.sendBinary({
    ceSpecversion: "1.0",
    ceId: "typescript-6",
    ceSource: source,
    ceType: EventType.SCHOOL_WORKSPACE_ACTIVATED_V1,
    ceTime: time.toISOString(),
    body: SchoolWorkspaceActivatedToJSON({ uai: "0750419Y", activatedOn: new Date("2019-03-11") }),
  });
  console.log("binary", ...binary.receipts.map((receipt) => receipt.id));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
