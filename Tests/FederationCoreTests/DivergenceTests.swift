import FederationCore
import FederationCrypto
import Testing

private let create = event(1, "create", by: 1, [1: 1])
private let left = event(2, "update", by: 3, [1: 1, 3: 1], data: snapshot("Left", body: "the left\n"))
private let right = event(3, "update", by: 2, [1: 1, 2: 1], data: snapshot("Right\n#", body: "the right"))

private func divergence(_ events: [Event]) throws -> Divergence {
    let record = try #require(computed(events))
    return try #require(Divergence(of: record, events: events))
}

@Suite struct DivergenceTests {
    @Test func aDivergenceNamesEachVersionByItsOriginAndClock() throws {
        #expect(
            try divergence([left, create, right]).text == """
                ## Concurrent edits detected

                **Trace:** 20260405-hello-abc123
                **Conflicting origins:** \(node(2)), \(node(3))

                ### Version from \(node(2))
                **Event:** \(eventID(3))
                **Vector clock:** {"\(node(1))":1,"\(node(2))":1}
                **Title:** Right\\n#

                the right

                ### Version from \(node(3))
                **Event:** \(eventID(2))
                **Vector clock:** {"\(node(1))":1,"\(node(3))":1}
                **Title:** Left

                the left

                """)
    }

    @Test func aRecordWithOneHeadHasNone() throws {
        let record = try #require(computed([create, left]))
        #expect(Divergence(of: record, events: [create, left]) == nil)
        let diverged = try #require(computed([create, left, right]))
        #expect(Divergence(of: diverged, events: [create, left]) == nil)
        let purged = try #require(computed([create, left, right, event(9, "purge", by: 1, [1: 2])]))
        #expect(Divergence(of: purged, events: [create, left, right]) == nil)
    }

    @Test func aVersionWhoseDataIsGoneIsNamedAllTheSame() throws {
        let divergence = try divergence([create, left.stubbed, right])
        #expect(divergence.versions.map(\.body) == ["the right", nil])
        #expect(divergence.text.contains("was removed, or has not arrived"))
    }

    @Test func aVersionIsChosenByItsOriginOrItsEvent() throws {
        let divergence = try divergence([create, left, right])
        #expect(divergence.version(named: node(3).description) == .found(divergence.versions[1]))
        #expect(divergence.version(named: node(3).description.lowercased()) == .found(divergence.versions[1]))
        #expect(divergence.version(named: eventID(3).description) == .found(divergence.versions[0]))
        // All these identities begin alike, and so do these events.
        #expect(divergence.version(named: String(node(3).description.prefix(8))) == .ambiguous(divergence.versions))
        #expect(divergence.version(named: String(eventID(3).description.prefix(9))) == .found(divergence.versions[0]))
        #expect(divergence.version(named: node(9).description) == .none)
        for name in ["", "01J0000", "alpha", node(3).description + "0", "ｎ"] {
            #expect(divergence.version(named: name) == .none)
        }
    }

    @Test func twoVersionsOfOneOriginAreToldApartByTheirEvents() throws {
        let again = event(4, "update", by: 3, [1: 1, 3: 1], data: snapshot("Again"))
        let divergence = try divergence([create, left, again])
        #expect(divergence.version(named: node(3).description) == .ambiguous(divergence.versions))
        #expect(divergence.version(named: eventID(4).description) == .found(divergence.versions[1]))
    }

    @Test func anOriginThatIsNoULIDIsChosenByItsWholeName() throws {
        var named = event(4, "update", by: 3, [3: 9], data: snapshot("Old"))
        named.origin = "legacy-node"
        let divergence = try divergence([create, named, event(0, "update", by: 2, [2: 1])])
        #expect(divergence.version(named: "legacy-node") == .found(divergence.versions[2]))
        #expect(divergence.version(named: "legacy-n") == .found(divergence.versions[2]))
    }

    @Test func whatANodeCallsItsPeersIsNotInTheText() throws {
        var renamed = right
        renamed.originName = "another name"
        #expect(try divergence([create, left, renamed]).text == divergence([create, left, right]).text)
    }

    @Test func noemasOwnDivergenceTracesAreKnown() throws {
        var snapshot = Snapshot()
        snapshot.title = "Divergence: Hello"
        snapshot.type = "divergence"
        snapshot.derivedFrom = [subject]
        let record = try #require(computed([event(1, "create", by: 1, [1: 1], data: snapshot.data)]))
        #expect(record.isNoemaDivergence(of: subject))
        #expect(!record.isNoemaDivergence(of: "20260405-other"))
        snapshot.type = "note"
        let note = try #require(computed([event(1, "create", by: 1, [1: 1], data: snapshot.data)]))
        #expect(!note.isNoemaDivergence(of: subject))
    }
}
