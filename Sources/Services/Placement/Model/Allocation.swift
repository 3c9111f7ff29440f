/// How much of one class a consumer holds of a provider.
struct Allocation: Sendable, Hashable {
  var consumer: String
  var consumerGeneration: Int
  var projectID: String
  var userID: String
  var provider: String
  var providerGeneration: Int
  var resourceClass: ResourceClass
  var used: Int
}
