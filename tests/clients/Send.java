// Sends with a generated client, in each way that there is, and shows what was answered.

import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.stream.Collectors;
import org.openapitools.client.ApiClient;
import org.openapitools.client.api.EventsApi;
import org.openapitools.client.model.Event;
import org.openapitools.client.model.EventType;
import org.openapitools.client.model.Item;
import org.openapitools.client.model.Receipt;
import org.openapitools.client.model.SchoolClosed;
import org.openapitools.client.model.SchoolClosedEvent;
import org.openapitools.client.model.SchoolConnected;
import org.openapitools.client.model.SchoolConnectedEvent;
import org.openapitools.client.model.SchoolWorkspaceActivated;

public class Send {
  private static final String SOURCE = "urn:iledefrance:lycees";
  private static final OffsetDateTime TIME = OffsetDateTime.parse("2019-03-11T09:30:00Z");

  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("GATEWAY"));
    client.setRequestInterceptor(
        request -> request.header("Authorization", "Bearer " + System.getenv("TOKEN")));
    EventsApi events = new EventsApi(client);

    System.out.println("event " + ids(events.sendEvent(connected("java-1", "0750419Y")).getReceipts()));

    System.out.println(
        "batch "
            + ids(
                events
                    .sendBatch(List.of(connected("java-2", "0750419Y"), closed("java-3")))
                    .getReceipts()));

    List<Item> items =
        events
            .sendBatch(List.of(connected("java-4", "0750419Y"), connected("java-5", "0750419A")))
            .getItems();
    System.out.println(
        "mixed "
            + items.stream().map(item -> "" + item.getStatus()).collect(Collectors.joining(" "))
            + " "
            + items.get(1).getProblem().getField());

    SchoolWorkspaceActivated fact =
        new SchoolWorkspaceActivated().uai("0750419Y").activatedOn(LocalDate.of(2019, 3, 11));
    System.out.println(
        "binary "
            + ids(
                events
                    .sendBinary(
                        "1.0",
                        "java-6",
                        SOURCE,
                        EventType.SCHOOL_WORKSPACE_ACTIVATED_V1,
                        "2019-03-12T08:00:00Z",
                        fact,
                        null,
                        null)
                    .getReceipts()));
  }

  private static Event connected(String id, String uai) {
    return new Event(
        new SchoolConnectedEvent()
            .id(id)
            .source(SOURCE)
            .time(TIME)
            .data(
                new SchoolConnected()
                    .uai(uai)
                    .connectedOn(LocalDate.of(2019, 3, 8))
                    .downlinkMbps(1000)));
  }

  private static Event closed(String id) {
    SchoolClosedEvent closed =
        new SchoolClosedEvent()
            .id(id)
            .source(SOURCE)
            .time(TIME)
            .data(new SchoolClosed().uai("0750652B").closedOn(LocalDate.of(2019, 3, 8)));
    closed.putAdditionalProperty("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00-01");
    return new Event(closed);
  }

  private static String ids(List<Receipt> receipts) {
    return receipts.stream().map(Receipt::getId).collect(Collectors.joining(" "));
  }
}
