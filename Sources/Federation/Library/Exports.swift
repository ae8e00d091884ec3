// One `import Federation` is all that a host needs: the values that its interface speaks of are Core's and the
// configuration's (docs/decisions/0060-one-import.md).
@_exported public import FederationConfig
@_exported public import FederationCore
