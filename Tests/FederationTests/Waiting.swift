import Testing

/// Waits, looking often, until `condition` holds; that it does not within a minute is an issue.
func eventually(_ condition: () async -> Bool) async {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
        if await condition() { return }
        await Task.yield()
        try? await Task.sleep(for: .microseconds(200))
    }
    Issue.record("it never came to that")
}
