package import FederationCore

/// What another text of the configuration changes for a node that runs.
package struct ConfigDifference: Hashable, Sendable {
    /// The keys of the node itself.
    package enum NodeKey: String, Hashable, Sendable, CaseIterable {
        case name, data, listen, hosts, mode, interval
        case quarantineAfter = "quarantine_after"
        case verify
        case logLevel = "log.level"
        case logFormat = "log.format"
        case storeMaxSize = "store.max_size"
        case sharedKeyFile = "access.shared_key_file"
        case allowOpen = "access.allow_open"
        case proxies = "access.proxies"
        case announcedAllow = "access.announced_allow"
        case firstContact = "access.first_contact"
        case tlsListen = "tls.listen"
        case tlsCertificate = "tls.certificate"
        case tlsKey = "tls.key"
        case clientAuthority = "tls.client_ca"
        case clientCertificate = "tls.client_certificate"
        case clientKey = "tls.client_key"
        case monitorListen = "monitor.listen"
        case pageListen = "page.listen"
        case pageTLS = "page.tls"
        case pageKeyFile = "page.key_file"
        case replayers

        /// Whether a running node can take the change. The others are what it holds open.
        package var isLive: Bool {
            switch self {
            case .data, .listen, .tlsListen, .monitorListen, .pageListen, .pageTLS, .logFormat: false
            case .name, .hosts, .mode, .interval, .quarantineAfter, .verify, .logLevel, .storeMaxSize, .sharedKeyFile,
                .allowOpen, .proxies, .announcedAllow, .firstContact, .tlsCertificate, .tlsKey, .clientAuthority,
                .clientCertificate, .clientKey, .pageKeyFile, .replayers:
                true
            }
        }
    }

    /// The keys of a peer's entry, but for its name: under another name it is another peer.
    package enum PeerKey: String, Hashable, Sendable, CaseIterable {
        case endpoint, mode, wire, interval, timeout, id, verify
        case publicKey = "pubkey"
        case keyFile = "key_file"
        case authority = "ca"
        case tlsPin = "tls_pin"
        case firstContact = "first_contact"
        /// A wire's own keys.
        case settings

        /// Whether the peer's polling begins anew: the way to it, or what is spoken on it, is another.
        package var needsAnotherPoller: Bool {
            switch self {
            case .endpoint, .wire, .timeout, .settings: true
            case .mode, .interval, .id, .verify, .publicKey, .keyFile, .authority, .tlsPin,
                .firstContact:
                false
            }
        }
    }

    package struct KeyChange<Key: Hashable & Sendable>: Hashable, Sendable {
        package var key: Key
        /// As the configuration writes it; empty where it says nothing.
        package var from: String
        package var to: String
    }

    package struct PeerChange: Hashable, Sendable {
        package var peer: Config.Peer
        package var keys: [KeyChange<PeerKey>]

        package var needsAnotherPoller: Bool { keys.contains { $0.key.needsAnotherPoller } }
    }

    /// What is to be run from now on: what the text says, but for the keys that need a restart.
    package private(set) var running: Config
    /// Keys of the node that are other now.
    package private(set) var node: [KeyChange<NodeKey>] = []
    /// Keys of the node that the text has changed and that stay as they are until a restart.
    package private(set) var needsRestart: [KeyChange<NodeKey>] = []
    package private(set) var added: [Config.Peer] = []
    package private(set) var removed: [Config.Peer] = []
    package private(set) var changed: [PeerChange] = []

    package init(from old: Config, to new: Config) {
        running = new
        for key in NodeKey.allCases {
            let change = KeyChange(key: key, from: old.text(of: key), to: new.text(of: key))
            // Other arguments may read alike.
            guard key == .replayers ? old.replayers != new.replayers : change.from != change.to else { continue }
            if key.isLive { node.append(change) } else { needsRestart.append(change) }
        }
        running.data = old.data
        running.listen = old.listen
        running.tls.listen = old.tls.listen
        running.monitor.listen = old.monitor.listen
        running.log.format = old.log.format
        running.page.listen = old.page.listen
        running.page.tls = old.page.tls
        let before = Dictionary(old.peers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for peer in new.peers {
            guard let was = before[peer.name] else {
                added.append(peer)
                continue
            }
            let keys = PeerKey.allCases.compactMap { $0.change(from: was, to: peer) }
            if !keys.isEmpty { changed.append(PeerChange(peer: peer, keys: keys)) }
        }
        let after = Set(new.peers.map(\.name))
        removed = old.peers.filter { !after.contains($0.name) }
    }

    /// How many things are other now: keys, and peers that came or went.
    package var count: Int { node.count + added.count + removed.count + changed.reduce(0) { $0 + $1.keys.count } }

    /// Whether what runs stays as it is.
    package var isEmpty: Bool { node.isEmpty && added.isEmpty && removed.isEmpty && changed.isEmpty }
}

extension ConfigDifference.PeerKey {
    fileprivate func change(
        from old: Config.Peer, to new: Config.Peer
    ) -> ConfigDifference.KeyChange<ConfigDifference.PeerKey>? {
        let change = ConfigDifference.KeyChange(key: self, from: old.text(of: self), to: new.text(of: self))
        let isOther = self == .settings ? old.settings != new.settings : change.from != change.to
        return isOther ? change : nil
    }
}

extension Config {
    fileprivate func text(of key: ConfigDifference.NodeKey) -> String {
        switch key {
        case .name: name
        case .data: data
        case .listen: listen?.description ?? ""
        case .hosts: hosts.joined(separator: ", ")
        case .mode: mode.rawValue
        case .interval: interval.shortText
        case .quarantineAfter: String(quarantineAfter)
        case .verify: verify.rawValue
        case .logLevel: log.level.rawValue
        case .logFormat: log.format.rawValue
        case .storeMaxSize: store.maxSize?.shortText ?? ""
        case .sharedKeyFile: access.sharedKeyFile ?? ""
        case .allowOpen: String(access.allowOpen)
        case .proxies: access.proxies.joined(separator: ", ")
        case .announcedAllow: access.announcedAllow.map(\.text).joined(separator: ", ")
        case .firstContact: access.firstContact.rawValue
        case .tlsListen: tls.listen?.description ?? ""
        case .tlsCertificate: tls.certificate ?? ""
        case .tlsKey: tls.key ?? ""
        case .clientAuthority: tls.clientAuthority ?? ""
        case .clientCertificate: tls.clientCertificate ?? ""
        case .clientKey: tls.clientKey ?? ""
        case .monitorListen: monitor.listen?.description ?? ""
        case .pageListen: page.listen?.description ?? ""
        case .pageTLS: String(page.tls)
        case .pageKeyFile: page.keyFile ?? ""
        case .replayers: replayers.map(\.text).joined(separator: "; ")
        }
    }
}

extension Config.Peer {
    fileprivate func text(of key: ConfigDifference.PeerKey) -> String {
        switch key {
        case .endpoint: endpoint?.url ?? ""
        case .mode: mode == .paused && resumesAs != .sync ? "paused (\(resumesAs.rawValue))" : mode.rawValue
        case .wire: wire.text
        case .interval: interval?.shortText ?? ""
        case .timeout: timeout.shortText
        case .id: id?.description ?? ""
        case .verify: verify?.rawValue ?? ""
        case .publicKey: publicKey?.text ?? ""
        case .keyFile: keyFile ?? ""
        case .authority: authority ?? ""
        case .tlsPin: tlsPin.map { "sha256:" + $0.hex } ?? ""
        case .firstContact: firstContact?.rawValue ?? ""
        case .settings: ""
        }
    }
}

extension Config {
    /// Each key with its value, as the configuration writes it; what it says nothing of is left out.
    package func write(to writer: inout JSONWriter) {
        func setting(_ key: String, _ value: String, _ list: inout JSONWriter) {
            guard !value.isEmpty else { return }
            list.object {
                $0.member("key", key)
                $0.member("value", value)
            }
        }
        writer.key("settings")
        writer.array { list in for key in ConfigDifference.NodeKey.allCases { setting(key.rawValue, text(of: key), &list) } }
        writer.key("peers")
        writer.array { list in
            for peer in peers {
                list.object { entry in
                    entry.member("name", peer.name)
                    entry.key("settings")
                    entry.array { list in
                        for key in ConfigDifference.PeerKey.allCases { setting(key.rawValue, peer.text(of: key), &list) }
                    }
                }
            }
        }
    }
}
