import FederationCore
internal import FederationCrypto

/// Histories that contradict themselves, or that somebody else wrote.
extension PeerAttack {
    private static func histories(
        _ name: String, _ summary: String, _ signs: [Sign], takes: Int,
        _ page: @escaping @Sendable (HostileScene) -> (events: [Event], attestations: [Attestation?])
    ) -> PeerAttack {
        native(name, summary, signs, takes: takes) { request, scene in
            guard request.parameter("after") == nil else { return .response(scene.page()) }
            let (events, attestations) = page(scene)
            return .response(scene.page(events.map(\.text), attestations: attestations))
        }
    }

    static let histories = [
        giving("equivocation", "Gives one number to two events, both signed.", [.equivocates], takes: 2) { scene, _ in
            let first = scene.node.event(1)
            let other = scene.node.event(1, id: scene.node.event(2).id, subject: "20260406-other", body: "another")
            return [first.text, other.text]
        },
        native("two-chains", "Signs one history, and then another one.", [.equivocates], takes: 2) { request, scene in
            let events = [scene.node.event(1), scene.node.event(2)]
            var tip = scene.node.chain(events)
            guard request.parameter("after") != nil else {
                return .response(scene.page(events.map(\.text), attestations: [scene.node.checkpoint(tip)]))
            }
            tip.head = sha256(Array("another history".utf8))
            return .response(scene.page(attestations: [scene.node.checkpoint(tip)]))
        },
        histories("withheld-event", "Keeps back an event that its own history has.", [.gap], takes: 2) { scene in
            let events = (1...3).map { scene.node.event(UInt64($0)) }
            return ([events[0], events[2]], [scene.node.checkpoint(scene.node.chain(events))])
        },
        histories("two-successors", "Names two successors of its key.", [.warns("frozen_origin"), .refuses("frozen_origin")], takes: 0) { scene in
            let event = scene.node.event(1)
            let tip = scene.node.chain([event])
            let successors = ["second", "third"].map { HostileNode(scene.node.name, key: $0) }
            return ([event], successors.map { scene.node.succession(to: $0, at: tip) })
        },
        histories("forged-history", "Signs the history of an origin that it only relays.", [.refusesAttestations], takes: 2) { scene in
            let events = [scene.bystander.event(1), scene.bystander.event(2)]
            return (events, [scene.node.checkpoint(scene.bystander.chain(events), of: scene.bystander.id)])
        },
        histories("junk-attestations", "Gives 256 attestations that nobody signed.", [.refusesAttestations], takes: 1) { scene in
            let attestations = (0..<Limits.attestationsPerPage).map { number in
                var junk = scene.bystander.checkpoint(
                    ChainTip(number: UInt64(number) + 4096, head: sha256(Array("junk \(number)".utf8))))
                junk?.signature = "ed25519:" + String(repeating: "A", count: 86) + "=="
                return junk
            }
            return ([scene.bystander.event(1)], attestations)
        },
    ]
}
