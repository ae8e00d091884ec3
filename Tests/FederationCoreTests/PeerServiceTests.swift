import FederationCore
import Testing

/// What one that asks is given is the least that any peer it may be is.
@Suite struct PeerServiceTests {
    @Test func onePeerIsGivenWhatBothModesAllow() {
        let expected: [NodeMode: [PeerMode: PeerService]] = [
            .sync: [.sync: .given, .publish: .given, .subscribe: .turnedAway, .paused: .leftAlone],
            .publish: [.sync: .given, .publish: .given, .subscribe: .turnedAway, .paused: .leftAlone],
            .subscribe: [.sync: .turnedAway, .publish: .turnedAway, .subscribe: .turnedAway, .paused: .leftAlone],
        ]
        for node in NodeMode.allCases {
            for peer in PeerMode.allCases {
                #expect(PeerService(to: [peer], by: node) == expected[node]?[peer], "\(node) to \(peer)")
            }
        }
    }

    /// What a node that fetches only says to anybody is a matter of its own mode.
    @Test func whoIsNoPeerIsGivenWhatAnybodyIs() {
        for node in NodeMode.allCases { #expect(PeerService(to: [], by: node) == .given) }
    }

    @Test func ofSeveralTheLeastCountsInAnyOrder() {
        let least: [([PeerMode], PeerService)] = [
            ([.sync, .publish], .given), ([.sync, .subscribe], .turnedAway), ([.subscribe, .paused], .leftAlone),
            ([.sync, .paused], .leftAlone), ([.sync, .subscribe, .paused], .leftAlone),
        ]
        for (modes, service) in least {
            #expect(PeerService(to: modes, by: .sync) == service)
            #expect(PeerService(to: modes.reversed(), by: .sync) == service)
        }
    }
}
