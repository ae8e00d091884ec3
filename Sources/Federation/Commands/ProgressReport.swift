internal import FederationCore

extension CommandService {
    /// How far the polls under way have come: cheap enough to be asked several times a second.
    func progress() async -> [UInt8] {
        var polls: [(name: String, status: PollStatus)] = []
        for (name, poller) in node.allPollers {
            let status = await poller.driver.status().status
            switch status.state {
            case .greeting, .pulling, .replaying: polls.append((name, status))
            case .following, .idle, .waiting, .pending, .busy, .paused, .stopped: break
            }
        }
        return jsonObject { writer in
            writer.key("peers")
            writer.array { writer in
                for (name, status) in polls.sorted(by: { $0.name < $1.name }) {
                    writer.object {
                        $0.member("name", name)
                        $0.member("pulled", status.pulled)
                        if let remaining = status.remaining { $0.member("remaining", remaining) }
                    }
                }
            }
        }
    }
}
