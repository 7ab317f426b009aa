(** Proof trees by cones: q.relu(Su) <= lam |u| for every u, from a tree of splits with a vector y at each leaf. *)

Require Import ZArith Reals Lra Lia List Bool.
From Certificates Require Import Duality Dyadic.
Import ListNotations.

Definition rows := list (dyadic * list dyadic).  (* q_i and s_i *)

Inductive tree :=
| Leaf (y : list dyadic) (shares : list dyadic)  (* a share a row *)
| Edge (a b : nat) (x y : dyadic) (first second : tree).

(** What a row adds at most to the bound at each vertex, z = s_i.V_k. *)
Definition row_bound (q m : dyadic) (z : list dyadic) : list dyadic :=
  if forallb (fun x => at_most x zero) z then map (fun _ => zero) z
  else if forallb (at_most zero) z then map (times q) z
  else if at_most zero q then map (fun x => times q (positive_part x)) z
  else map (times (times m q)) z.

Definition share_ok (m : dyadic) : bool := at_most zero m && at_most m one.

Fixpoint leaf_bound (rs : rows) (shares : list dyadic) (V : list (list dyadic)) : list dyadic :=
  match rs, shares with
  | (q, s) :: rs', m :: shares' => added (row_bound q m (map (dotted s) V)) (leaf_bound rs' shares' V)
  | _, _ => map (fun _ => zero) V
  end.

Definition replaced {A} (i : nat) (x : A) (l : list A) : list A := firstn i l ++ x :: skipn (S i) l.

Fixpoint tree_ok (d : nat) (rs : rows) (lam : dyadic) (V : list (list dyadic)) (t : tree) : bool :=
  match t with
  | Leaf y shares =>
      (length shares =? length rs)%nat && forallb share_ok shares
      && at_most (dotted y y) (times lam lam)
      && forallb (fun p => at_most (fst p) (snd p)) (combine (leaf_bound rs shares V) (map (dotted y) V))
  | Edge a b x y first second =>
      let A := nth a V [] in let B := nth b V [] in
      let new := added (scaled x A) (scaled y B) in
      (a <? length V)%nat && (b <? length V)%nat && negb (a =? b)%nat
      && (length A =? length B)%nat && negb (at_most x zero) && negb (at_most y zero)
      && tree_ok d rs lam (replaced a new V) first && tree_ok d rs lam (replaced b new V) second
  end.

Fixpoint orthants (d : nat) : list (list (list dyadic)) :=
  match d with
  | O => [[]]
  | S d' => flat_map (fun sign => map (fun V => (sign :: repeat zero d') :: map (cons zero) V) (orthants d'))
              [one; opposite one]
  end.

Fixpoint trees_ok (d : nat) (rs : rows) (lam : dyadic) (cones : list (list (list dyadic))) (ts : list tree) : bool :=
  match cones, ts with
  | V :: cones', t :: ts' => tree_ok d rs lam V t && trees_ok d rs lam cones' ts'
  | [], [] => true
  | _, _ => false
  end.

Definition side_ok (d : nat) (rs : rows) (lam : dyadic) (ts : list tree) : bool :=
  trees_ok d rs lam (orthants d) ts.

Open Scope R_scope.

(** u is the sum of t_k V_k, t >= 0, as far as inner products can tell. *)
Definition in_cone (u : list R) (V : list (list dyadic)) : Prop :=
  exists t, length t = length V /\ Forall (Rle 0) t /\
    forall s, dot s u = dot t (map (fun v => dot s (values v)) V).

Lemma nonneg_dot t : Forall (Rle 0) t -> forall z, Forall (Rle 0) z -> 0 <= dot t z.
Proof. induction 1; intros [|b z] F; simpl; try lra. inversion_clear F. specialize (IHForall z H2). nra. Qed.

Lemma positive_sound x : negb (at_most x zero) = true -> 0 < value x.
Proof. intros H. apply negb_true_iff, at_most_fails in H. now rewrite value_zero in H. Qed.

Lemma forallb_value f (P : R -> Prop) z :
  (forall x, f x = true -> P (value x)) -> forallb f z = true -> Forall P (values z).
Proof.
  intros S H. rewrite forallb_forall in H. apply Forall_forall. intros r I.
  apply in_map_iff in I as (x & <- & J). auto.
Qed.

Lemma values_map {A} (f : A -> dyadic) g : (forall x, value (f x) = g x) -> forall z, values (map f z) = map g z.
Proof. intros E z. unfold values. rewrite map_map. now apply map_ext. Qed.

Lemma relu_nonneg z : 0 <= z -> relu z = z.
Proof. intros. unfold relu. now rewrite Rmax_left. Qed.

Lemma relu_nonpos z : z <= 0 -> relu z = 0.
Proof. intros. unfold relu. now rewrite Rmax_right. Qed.

Lemma relu_above z : z <= relu z /\ 0 <= relu z.
Proof. unfold relu. split; [apply Rmax_l|apply Rmax_r]. Qed.

Lemma relu_convex t : Forall (Rle 0) t -> forall z, relu (dot t z) <= dot t (map relu z).
Proof.
  intros F z. unfold relu at 1. apply Rmax_lub.
  - revert z. induction F; intros [|b z]; simpl; try lra.
    specialize (IHF z). destruct (relu_above b). nra.
  - apply nonneg_dot; auto. apply Forall_forall. intros x I. apply in_map_iff in I as (y & <- & _). apply relu_above.
Qed.

Lemma dot_map_scale {A} t a (f : A -> R) : forall z, dot t (map (fun x => a * f x) z) = a * dot t (map f z).
Proof. induction t; intros [|b z]; simpl; try ring. rewrite IHt. ring. Qed.

Lemma dot_map_const_zero {A} t : forall z : list A, dot t (map (fun _ => 0) z) = 0.
Proof. induction t; intros [|b z]; simpl; auto. rewrite IHt. ring. Qed.

Lemma dot_nonpos t : Forall (Rle 0) t -> forall z, Forall (fun x => x <= 0) z -> dot t z <= 0.
Proof. induction 1; intros [|b z] F; simpl; try lra. inversion_clear F. specialize (IHForall z H2). nra. Qed.

Lemma row_bound_sound q m z t : Forall (Rle 0) t -> share_ok m = true ->
  value q * relu (dot t (values z)) <= dot t (values (row_bound q m z)).
Proof.
  intros F M. apply andb_true_iff in M as [M0 M1].
  apply at_most_sound in M0, M1. rewrite value_zero in M0. rewrite value_one in M1.
  unfold row_bound.
  destruct (forallb _ z) eqn:N; [|clear N; destruct (forallb (at_most zero) z) eqn:P].
  - rewrite (values_map _ (fun _ => 0)), dot_map_const_zero by (intros; apply value_zero).
    rewrite relu_nonpos; [lra|]. apply dot_nonpos; auto.
    eapply forallb_value; [|exact N]. intros x H. apply at_most_sound in H. now rewrite value_zero in H.
  - rewrite (values_map _ (fun x => value q * value x)), dot_map_scale by apply value_times.
    rewrite relu_nonneg; [apply Rle_refl|]. apply nonneg_dot; auto.
    eapply forallb_value; [|exact P]. intros x H. apply at_most_sound in H. now rewrite value_zero in H.
  - clear P. destruct (at_most zero q) eqn:Q.
    + apply at_most_sound in Q. rewrite value_zero in Q.
      rewrite (values_map _ (fun x => value q * relu (value x))), dot_map_scale.
      2: { intros x. now rewrite value_times, value_positive_part. }
      pose proof (relu_convex t F (values z)) as C. unfold values in *. rewrite map_map in C. nra.
    + apply at_most_fails in Q. rewrite value_zero in Q.
      rewrite (values_map _ (fun x => value m * value q * value x)), dot_map_scale.
      2: { intros x. now rewrite !value_times. }
      unfold values. destruct (relu_above (dot t (map value z))). set (x := dot t (map value z)) in *.
      assert (value m * x <= relu x) by nra.
      assert (value q * relu x <= value q * (value m * x)) by (apply Rmult_le_compat_neg_l; lra). lra.
Qed.

Lemma length_row_bound q m z : length (row_bound q m z) = length z.
Proof.
  unfold row_bound. destruct (forallb _ z), (forallb (at_most zero) z), (at_most zero q); apply map_length.
Qed.

Lemma length_added x : forall y, length x = length y -> length (added x y) = length x.
Proof. induction x; intros [|b y] E; simpl in *; try discriminate; auto. Qed.

Lemma length_leaf_bound rs V : forall shares, length (leaf_bound rs shares V) = length V.
Proof.
  induction rs as [|[q s] rs IH]; intros [|m shares]; simpl; try apply map_length.
  rewrite length_added; rewrite length_row_bound, map_length; auto.
Qed.

(** q.relu(Su), row by row. *)
Fixpoint correlation (rs : rows) (u : list R) : R :=
  match rs with (q, s) :: rs' => value q * relu (dot (values s) u) + correlation rs' u | [] => 0 end.

Lemma values_vertices s V : values (map (dotted s) V) = map (fun v => dot (values s) (values v)) V.
Proof. unfold values at 1. rewrite map_map. apply map_ext. intros v. apply value_dotted. Qed.

Lemma leaf_bound_sound u V t rs : Forall (Rle 0) t ->
  (forall s, dot s u = dot t (map (fun v => dot s (values v)) V)) ->
  forall shares, length shares = length rs -> forallb share_ok shares = true ->
  correlation rs u <= dot t (values (leaf_bound rs shares V)).
Proof.
  intros F E. induction rs as [|[q s] rs IH]; intros [|m shares] L M; try discriminate.
  - simpl leaf_bound. simpl correlation. rewrite (values_map _ (fun _ => 0)), dot_map_const_zero by (intros; apply value_zero). lra.
  - simpl in M. apply andb_true_iff in M as [M0 M]. injection L as L. specialize (IH shares L M).
    simpl leaf_bound. simpl correlation. rewrite values_added, dot_add.
    2: { unfold values. now rewrite !map_length, length_row_bound, map_length, length_leaf_bound. }
    pose proof (row_bound_sound q m (map (dotted s) V) t F M0) as B.
    rewrite values_vertices, <- E in B. lra.
Qed.

Lemma dot_mono t : Forall (Rle 0) t -> forall x y : list dyadic, length x = length y ->
  forallb (fun p => at_most (fst p) (snd p)) (combine x y) = true -> dot t (values x) <= dot t (values y).
Proof.
  induction 1 as [|a t N F IH]; intros [|b x] [|c y] E H; simpl in *; try discriminate; try lra.
  apply andb_true_iff in H as [H0 H]. apply at_most_sound in H0. injection E as E. specialize (IH x y E H). nra.
Qed.

(** Young's inequality once more: a v at most lam/2 (|u|^2 + v^2) if a <= y.u and |y| <= lam. *)
Definition below (lam a : R) (u : list R) : Prop := exists y, dot y y <= lam * lam /\ a <= dot y u.

Lemma leaf_sound d rs lam V y shares u : in_cone u V -> tree_ok d rs lam V (Leaf y shares) = true ->
  below (value lam) (correlation rs u) u.
Proof.
  intros (t & _ & F & E) H. simpl in H. rewrite !andb_true_iff in H. destruct H as [[[L M] N] B].
  apply Nat.eqb_eq in L. apply at_most_sound in N. rewrite value_dotted, value_times in N.
  exists (values y). split; auto. rewrite E, <- values_vertices.
  eapply Rle_trans; [apply (leaf_bound_sound u V t rs F E shares L M)|].
  apply dot_mono; auto. now rewrite length_leaf_bound, map_length.
Qed.

Lemma nth_replaced_dot i c : forall t z, (i < length t)%nat -> length t = length z ->
  dot (replaced i c t) z = dot t z + (c - nth i t 0) * nth i z 0.
Proof.
  unfold replaced. induction i as [|i IH]; intros [|a t] [|b z] L E; simpl in *; try discriminate; try lia; try ring.
  rewrite IH by lia. ring.
Qed.

Lemma length_replaced {A} i (c : A) : forall l, (i < length l)%nat -> length (replaced i c l) = length l.
Proof. unfold replaced. induction i as [|i IH]; intros [|a l] L; simpl in *; try lia. rewrite IH; lia. Qed.

Lemma nth_replaced {A} i j (c x : A) : forall l, (i < length l)%nat ->
  nth j (replaced i c l) x = if (j =? i)%nat then c else nth j l x.
Proof.
  unfold replaced. revert j. induction i as [|i IH]; intros [|j] [|a l] L; simpl in *; try lia; auto.
  apply IH. lia.
Qed.

Lemma map_replaced {A B} (f : A -> B) i c l : map f (replaced i c l) = replaced i (f c) (map f l).
Proof. unfold replaced. now rewrite map_app, map_cons, <- firstn_map, <- skipn_map. Qed.

Lemma replaced_nonneg i c t : 0 <= c -> Forall (Rle 0) t -> Forall (Rle 0) (replaced i c t).
Proof.
  intros N F. unfold replaced. apply Forall_app. split; [|constructor; auto].
  - apply Forall_forall. intros x I. rewrite Forall_forall in F. apply F.
    rewrite <- (firstn_skipn i t). apply in_or_app. now left.
  - apply Forall_forall. intros x I. rewrite Forall_forall in F. apply F.
    rewrite <- (firstn_skipn (S i) t). apply in_or_app. now right.
Qed.
