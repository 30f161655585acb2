/* Tests of src/base/owner.c: what root and people of the group leave behind is the programs', and
 * nothing else is given away. */
#include "base/owner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

enum {
        PROGRAM = 65534,
        PERSON = 65533,
        GROUP = 65532
};

typedef struct {
        char *folder, *path;
        int fd;
} Fixture;

static void
set_up(Fixture *f, gconstpointer unused)
{
        f->fd = -1;
        if (geteuid() != 0) {
                g_test_skip("only root can give files away");
                return;
        }
        f->folder = g_dir_make_tmp("upkeep-owner-XXXXXX", NULL);
        g_assert_cmpint(chown(f->folder, PROGRAM, GROUP), ==, 0);
        f->path = g_build_filename(f->folder, "lock", NULL);
        f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
        g_assert_cmpint(f->fd, >=, 0);
}

static void
tear_down(Fixture *f, gconstpointer unused)
{
        if (f->fd < 0)
                return;
        uk_io_close(&f->fd);
        g_assert_true(uk_io_remove_tree(f->folder, NULL));
        g_free(f->folder);
        g_free(f->path);
}

static void
expect_owner(const Fixture *f, uid_t user, gid_t group)
{
        struct stat st;

        g_assert_cmpint(fstat(f->fd, &st), ==, 0);
        g_assert_cmpuint(st.st_uid, ==, user);
        g_assert_cmpuint(st.st_gid, ==, group);
}

static void
root_gives(Fixture *f, gconstpointer unused)
{
        if (f->fd < 0)
                return;
        g_assert_true(uk_owner_of_folder(f->fd, f->path, NULL));
        expect_owner(f, PROGRAM, GROUP);
}

/* Else a name in a folder of the programs would make any file of the machine theirs. */
static void
second_name_is_refused(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        if (f->fd < 0)
                return;
        g_autofree char *other = g_build_filename(f->folder, "other", NULL);

        g_assert_cmpint(link(f->path, other), ==, 0);
        g_assert_false(uk_owner_of_folder(f->fd, f->path, &error));
        g_assert_error(error, UK_ERROR, UK_ERROR_DENIED);
        expect_owner(f, 0, 0);
}

/* A file that a person of the group left behind does not stop the program from using it. */
static void
persons_file_of_the_group_stays(Fixture *f, gconstpointer unused)
{
        g_autoptr(GError) error = NULL;

        if (f->fd < 0)
                return;
        g_assert_cmpint(fchown(f->fd, PERSON, GROUP), ==, 0);
        g_assert_cmpint(seteuid(PROGRAM), ==, 0);
        bool ok = uk_owner_of_folder(f->fd, f->path, &error);

        g_assert_cmpint(seteuid(0), ==, 0);
        g_assert_no_error(error);
        g_assert_true(ok);
        expect_owner(f, PERSON, GROUP);
}

#define CASE(name_, function_) \
        g_test_add("/base/owner/" name_, Fixture, NULL, set_up, function_, tear_down)

int
main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        CASE("root-gives-to-the-owner-of-the-folder", root_gives);
        CASE("a-second-name-is-refused", second_name_is_refused);
        CASE("a-persons-file-of-the-group-stays", persons_file_of_the_group_stays);
        return g_test_run();
}
