#include "core/base/path.h"
#include "core/base/alloc.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define CLEANUP_FD CLEANUP(close_fd)

int path_read(const char *path, struct buf *ret, struct error **err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[65536];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "%s: there is no such file", path);
	if (fd < 0)
		return error_errno(err, errno, "cannot open %s", path);
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot read %s", path);
		if (ret->len + (size_t)n > PATH_READ_MAX)
			return error_set(err, ERROR_CONFIG, "%s is larger than %u MiB", path, PATH_READ_MAX >> 20);
		buf_add_mem(ret, chunk, (size_t)n);
	}
	return 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int write_whole(const char *path, const void *data, size_t len, mode_t mode, bool synced, struct error **err)
{
	CLEANUP_FREE char *temporary = xasprintf("%s.XXXXXX", path);
	CLEANUP_FD int fd = mkostemp(temporary, O_CLOEXEC);
	int errnum;

	if (fd < 0)
		return error_errno(err, errno, "cannot write %s", path);
	if (fchmod(fd, mode) == 0 && write_all(fd, data, len) == 0 && (!synced || fsync(fd) == 0) && rename(temporary, path) == 0)
		return 0;
	errnum = errno;
	unlink(temporary);
	return error_errno(err, errnum, "cannot write %s", path);
}

int path_write(const char *path, const void *data, size_t len, mode_t mode, struct error **err)
{
	return write_whole(path, data, len, mode, true, err);
}

int path_write_unsynced(const char *path, const void *data, size_t len, mode_t mode, struct error **err)
{
	return write_whole(path, data, len, mode, false, err);
}

bool path_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

int path_mkdirs(const char *path, mode_t mode, struct error **err)
{
	CLEANUP_FREE char *copy = xstrdup(path);

	for (char *p = copy + 1; *copy != '\0'; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			return error_errno(err, errno, "cannot make the folder %s", copy);
		*p = c;
		if (c == '\0')
			break;
	}
	return 0;
}

static int remove_entry(const char *path, const struct stat *st UNUSED, int type UNUSED, struct FTW *ftw UNUSED)
{
	return remove(path);
}

int path_remove_tree(const char *path, struct error **err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
		return error_errno(err, errno, "cannot remove %s", path);
	return 0;
}

int path_list(const char *path, struct strv *ret_names, struct error **err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return error_errno(err, errno, "cannot list %s", path);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			strv_add(ret_names, entry->d_name);
	closedir(dir);
	strv_sort(ret_names);
	return 0;
}

static const char *home(void)
{
	const char *h = getenv("HOME");
	const struct passwd *pw;

	if (h != NULL && *h != '\0')
		return h;
	pw = getpwuid(getuid());
	return pw == NULL ? "/" : pw->pw_dir;
}

char *path_expand(const char *path)
{
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
		return xasprintf("%s%s", home(), path + 1);
	return xstrdup(path);
}

char *path_absolute(const char *path)
{
	CLEANUP_FREE char *here = *path != '/' ? getcwd(NULL, 0) : NULL;

	return here != NULL ? xasprintf("%s/%s", here, path) : xstrdup(path);
}

char *path_xdg(const char *env, const char *fallback)
{
	const char *base = getenv(env);

	if (base != NULL && *base == '/')
		return xasprintf("%s/davit", base);
	return xasprintf("%s/%s/davit", home(), fallback);
}

char *path_slug(const char *path)
{
	char *slug = xstrdup(path + strspn(path, "/"));

	for (char *p = slug; *p != '\0'; p++)
		if (*p == '/')
			*p = '-';
	return slug;
}
