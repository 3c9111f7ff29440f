import Auth

/// The rights of the image API, by the names of OpenStack's policy.
enum ImagePermissions {
  static let discover = Permission("discover", .open)
  static let schemas = Permission("get_schemas", .authenticated)
  static let list = Permission("get_images", .projectReader)
  static let show = Permission("get_image", .projectReader)
  static let add = Permission("add_image", .projectMember)
  static let modify = Permission("modify_image", .projectMember)
  static let delete = Permission("delete_image", .projectMember)
  static let upload = Permission("upload_image", .projectMember)
  static let download = Permission("download_image", .projectMember)
  static let deactivate = Permission("deactivate", .projectMember)
  static let reactivate = Permission("reactivate", .projectMember)
  static let getMembers = Permission("get_members", .projectReader)
  static let addMember = Permission("add_member", .projectMember)
  static let modifyMember = Permission("modify_member", .projectMember)
  static let deleteMember = Permission("delete_member", .projectMember)
  /// Added by `visibility: public`, and by `owner` of another project.
  static let publicize = Permission("publicize_image", .admin)
  static let setOwner = Permission("set_image_owner", .admin)
}
