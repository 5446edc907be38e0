/** The types of events. Those of users and of resources ask for `core_user_view`, those of groups for `core_usergroup_view`. */
export const OF_USERS = ['created', 'updated', 'activated', 'deactivated', 'deleted'].map((what) => `user.${what}`);
export const OF_RESOURCES = ['created', 'updated', 'deleted'].map((what) => `resource.${what}`);
export const OF_GROUPS = ['created', 'updated', 'deleted', 'member_added', 'member_removed'].map((what) => `group.${what}`);
