import FederationCore
import FederationTestKit
import Testing

/// Facts 8 to 10. Noema reads reasons from texts; this project takes them from typed failures, so for it these facts
/// are met by the failures that the texts describe.
@Suite struct NoemaFactsClassification {
    @Test func fact08ReplayFailuresAreClassed() {
        let classed: [(String?, NoemaClassification.Sentinel?, Reason?)] = [
            (nil, nil, nil),
            ("replay: invalid trace ID", .invalidTraceID, .invalidTraceID),
            ("replay event x: wrapped: invalid trace ID", .invalidTraceID, .invalidTraceID),
            ("bad front matter", .invalidFrontmatter, .invalidFrontmatter),
            ("unknown action foo", nil, .unknownAction),
            ("unrecognized type bar", nil, .unknownType),
            ("disk full", nil, .other),
        ]
        for (text, sentinel, reason) in classed {
            #expect(NoemaClassification.replay(text, sentinel: sentinel, .go) == reason)
        }
        // What Go really says of an unknown action is not what its table looks for.
        #expect(NoemaClassification.replay(NoemaFailure.unknownAction("foo").text(.go), .go) == .other)
        #expect(NoemaClassification.replay(NoemaFailure.unknownAction("foo").text(.rust), .rust) == .unknownAction)
    }

    @Test func fact08OurTypedFailuresHaveTheReasonsOfThoseTexts() {
        #expect(HoldReason.invalidTraceID.reason == .invalidTraceID)
        #expect(HoldReason.unknownAction.reason == .unknownAction)
        #expect(HoldReason.unknownType.reason == .unknownType)
        #expect(EventRefusal.malformedSnapshot(member: "tags").reason == .invalidFrontmatter)
        #expect(ExchangeFailure.store(.busy).reason == .other && ExchangeFailure.store(.full).reason == .storeFull)
    }

    @Test func fact09NetworkFailuresAreClassed() {
        let classed: [(String, Reason)] = [
            ("dial tcp 1.2.3.4:3000: connection refused", .networkRefused),
            ("context deadline exceeded", .networkTimeout),
            ("lookup foo: no such host", .networkDNS),
            ("x509: certificate signed by unknown authority", .networkTLS),
            ("read: connection reset by peer", .networkReset),
            ("unexpected EOF", .networkEOF),
            ("401 Unauthorized", .auth),
            ("something random", .other),
        ]
        for (text, reason) in classed { #expect(NoemaClassification.network(text, .go) == reason, "\(text)") }
        // Section 10.2, 5: a port is taken for a status.
        #expect(NoemaClassification.network("dial tcp 1.2.3.4:4010: connection timed out", .go) == .auth)
    }

    @Test func fact09OurTypedFailuresHaveTheReasonsOfThoseTexts() {
        let classed: [(ExchangeFailure, Reason)] = [
            (.transport(.refused), .networkRefused), (.transport(.timeout), .networkTimeout),
            (.transport(.nameResolution), .networkDNS), (.transport(.tls), .networkTLS),
            (.transport(.reset), .networkReset), (.transport(.endOfFile), .networkEOF), (.status(401), .auth),
            (.transport(.other(code: 1)), .other),
        ]
        for (failure, reason) in classed { #expect(failure.reason == reason, "\(failure)") }
    }

    @Test(arguments: NoemaRules.allCases)
    func fact09APollOfEachLineEndsWithTheReasonOfItsTransport(rules: NoemaRules) {
        let reasons: [(TransportFailure, go: Reason, rust: Reason)] = [
            (.refused, .networkRefused, .networkRefused), (.timeout, .networkTimeout, .networkTimeout),
            (.nameResolution, .networkDNS, .networkDNS), (.tls, .networkTLS, .networkTLS),
            // Rust's table has no row for these.
            (.reset, .networkReset, .other), (.endOfFile, .networkEOF, .other),
        ]
        for (failure, go, rust) in reasons {
            var puller = StandInPair(rules).puller
            let step = puller.poll("server", now: noon) { _ in .transport(failure) }
            #expect(step == .failed(rules == .go ? go : rust), "\(failure)")
            #expect(puller.lastError(of: "server")?.eventID == "")
        }
    }

    @Test func fact10SchemaWideningIsThreeReasonsAndNetworkIsAPrefix() {
        #expect(
            Set(Reason.allCases.filter(\.isSchemaWidening)) == [.invalidTraceID, .unknownAction, .unknownType])
        #expect(Reason.networkTimeout.isNetwork)
        #expect(!Reason.invalidTraceID.isNetwork)
        for reason in Reason.allCases { #expect(reason.isNetwork == reason.rawValue.hasPrefix("network_")) }
        // And one of ours: a store that is full.
        #expect(Reason.allCases.filter { $0 != .storeFull && $0 != .signature }.count == 14)
    }
}
