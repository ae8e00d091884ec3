import FederationCore
import FederationTestKit
import Testing

@Suite struct EventStoryTests {
    private static let subject = "20260101-note-1"

    /// An event of `subject` by `origin`, which has seen what `clock` says.
    private func event(
        _ number: Int64, _ action: String = "update", by origin: UInt64 = 1, clock: [UInt64: UInt64], title: String = "Title",
        body: String = "body", data: String? = nil
    ) -> Event {
        var event = Sample.event(Sample.id(number), action, EventStoryTests.subject, origin: origin, clock: clock, body: body)
        var snapshot = Snapshot()
        (snapshot.title, snapshot.type, snapshot.body) = (title, "note", body)
        event.payload = .full(data.map { Array($0.utf8) } ?? snapshot.data)
        return event
    }

    private func story(_ number: Int64, of events: [Event]) throws -> EventStory {
        try #require(EventStory(of: Sample.id(number), subject: EventStoryTests.subject, events: events))
    }

    @Test func oneAfterAnotherTakesItsPlace() throws {
        let events = [
            event(1, "create", clock: [1: 1]), event(2, by: 2, clock: [1: 1, 2: 1], body: "edited"),
            event(3, clock: [1: 2, 2: 1], title: "Other", body: "edited"),
        ]
        let (first, second, third) = (try story(1, of: events), try story(2, of: events), try story(3, of: events))
        #expect(first.effect == .superseded && first.supersededBy == [Sample.id(2), Sample.id(3)] && first.replaced.isEmpty)
        #expect(Set(first.changed).isSuperset(of: [.title, .body, .type]))
        #expect(second.changed == [.body] && second.replaced == [Sample.id(1)] && second.supersededBy == [Sample.id(3)])
        #expect(third.effect == .shown && third.changed == [.title] && third.replaced == [Sample.id(2)])
        #expect([first, second, third].allSatisfy { $0.beside.isEmpty })
        // The order in which they came makes no difference.
        #expect(try story(2, of: events.reversed()) == second)
        #expect(EventStory(of: Sample.id(9), subject: EventStoryTests.subject, events: events) == nil)
    }

    @Test func editsSideBySideAreTwoVersionsUntilOneResolvesThem() throws {
        let base = event(1, "create", clock: [1: 1])
        var events = [base, event(2, clock: [1: 2], body: "ours"), event(3, by: 2, clock: [1: 1, 2: 1], body: "theirs")]
        #expect(try story(2, of: events).effect == .version)
        #expect(try story(3, of: events).effect == .shown)
        #expect(try story(2, of: events).beside == [Sample.id(3)] && story(3, of: events).beside == [Sample.id(2)])
        events.append(event(4, clock: [1: 3, 2: 1], body: "both"))
        let resolved = try story(4, of: events)
        #expect(resolved.effect == .shown && resolved.replaced == [Sample.id(2), Sample.id(3)] && resolved.beside.isEmpty)
        #expect(try story(2, of: events).effect == .superseded)
    }

    @Test func registersVotesAndPurges() throws {
        var events = [
            event(1, "create", clock: [1: 1]), event(2, "archive", clock: [1: 2], data: "{}"),
            event(3, "unarchive", clock: [1: 3], data: "{}"), event(4, "vote", by: 2, clock: [1: 1, 2: 1], data: #"{"delta":1}"#),
        ]
        #expect(try story(2, of: events).effect == .register(wins: false) && story(2, of: events).supersededBy == [Sample.id(3)])
        #expect(try story(2, of: events).changed == [.lifecycle])
        #expect(try story(3, of: events).effect == .register(wins: true))
        #expect(try story(4, of: events).effect == .counted && story(4, of: events).changed == [.votes])
        events.append(event(5, "purge", clock: [1: 4], data: #"{"reason":"gone"}"#))
        events.append(event(6, "purge", by: 2, clock: [1: 3, 2: 2], data: "{}"))
        #expect(try story(5, of: events).effect == .purge(first: true))
        #expect(try story(6, of: events).effect == .purge(first: false))
        #expect(try story(1, of: events).effect == .purged)
    }

    @Test func whatIsHeldSaysWhatHoldsIt() throws {
        let events = [event(1, "create", clock: [1: 1]), event(2, "levitate", clock: [1: 2], data: "{}"), event(3, clock: [1: 3])]
        #expect(try story(2, of: events).effect == .held(.unknownAction))
        #expect(try story(3, of: events).effect == .held(.waits))
        #expect(try story(1, of: events).effect == .shown)
    }
}
