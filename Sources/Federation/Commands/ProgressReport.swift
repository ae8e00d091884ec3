internal import FederationCore

extension CommandService {
    /// How far the polls under way have come: cheap enough to be asked several times a second.
    func progress() async -> [UInt8] {
        var polls: [(name: String, pull: PullReport)] = []
        for (name, poller) in node.allPollers {
            let (status, now) = await poller.driver.status()
            if let pull = PullReport(status, at: now) { polls.append((name, pull)) }
        }
        return jsonObject { writer in
            writer.key("peers")
            writer.array { writer in
                for (name, pull) in polls.sorted(by: { $0.name < $1.name }) {
                    writer.object {
                        $0.member("name", name)
                        pull.members(&$0)
                    }
                }
            }
        }
    }
}
