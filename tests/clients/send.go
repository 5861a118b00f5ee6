// Sends with a generated client, in each way that there is, and shows what was answered.

package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	client "smartregion/client"
)

const source = "urn:iledefrance:lycees"

var recorded = time.Date(2019, 3, 11, 9, 30, 0, 0, time.UTC)

func connected(id string, uai string) client.Event {
	data := client.NewSchoolConnected(uai, "2019-03-08", 1000)
	return client.SchoolConnectedEventAsEvent(client.NewSchoolConnectedEvent(
		"1.0", id, source, recorded, string(client.SCHOOL_CONNECTED_V1), *data))
}

func closed(id string) client.Event {
	data := client.NewSchoolClosed("0750652B", "2019-03-08")
	event := client.NewSchoolClosedEvent(
		"1.0", id, source, recorded, string(client.SCHOOL_CLOSED_V1), *data)
	event.AdditionalProperties = map[string]interface{}{
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00-01"}
	return client.SchoolClosedEventAsEvent(event)
}

func ids(receipts []client.Receipt) string {
	told := ""
	for _, receipt := range receipts {
		told += " " + receipt.Id
	}
	return told
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	gateway := client.NewConfiguration()
	gateway.Servers = client.ServerConfigurations{{URL: os.Getenv("GATEWAY")}}
	events := client.NewAPIClient(gateway).EventsAPI
	as := context.WithValue(context.Background(), client.ContextAccessToken, os.Getenv("TOKEN"))

	one, _, err := events.SendEvent(as).Event(connected("go-1", "0750419Y")).Execute()
	must(err)
	fmt.Println("event" + ids(one.Receipts))

	all, _, err := events.SendBatch(as).Event(
		[]client.Event{connected("go-2", "0750419Y"), closed("go-3")}).Execute()
	must(err)
	fmt.Println("batch" + ids(all.Receipts))

	some, _, err := events.SendBatch(as).Event(
		[]client.Event{connected("go-4", "0750419Y"), connected("go-5", "0750419A")}).Execute()
	must(err)
	fmt.Println("mixed", some.Items[0].Status, some.Items[1].Status, some.Items[1].Problem.GetField())

	fact, err := client.NewSchoolWorkspaceActivated("0750419Y", "2019-03-11").ToMap()
	must(err)
	binary, _, err := events.SendBinary(as).CeSpecversion("1.0").CeId("go-6").CeSource(source).
		CeType(client.SCHOOL_WORKSPACE_ACTIVATED_V1).CeTime(recorded.Format(time.RFC3339)).
		Body(fact).Execute()
	must(err)
	fmt.Println("binary" + ids(binary.Receipts))
}
